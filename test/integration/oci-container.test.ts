import { afterAll, beforeAll, describe, expect } from "bun:test";
import { chownSync, cpSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import { type OciChange, ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("oci-container");
});

afterAll(async () => {
  await host.close();
});

const run = (script: string, change: OciChange): Promise<string> => host.runInput(ociInput(host, script, change));

describe("the container", () => {
  test("has its names", async () => {
    const config = { hostname: "first", domainname: "second.example" };
    expect(await run("hostname; cat /proc/sys/kernel/domainname", { config })).toBe("first\nsecond.example\nstatus 0\n");
    await expect(run("true", { config, linux: { namespaces: [{ type: "mount" }], sysctl: {} } })).rejects.toThrow("need a uts namespace");
  });

  test("has the root that the configuration names, read-only if it says so", async () => {
    const root = `${host.directory}/other-root`;
    cpSync(host.rootfs, root, { recursive: true, verbatimSymlinks: true });
    const rootfs = { kind: "bundle", path: root as HostPath } as const;
    const script = "touch /written 2> /dev/null && echo written || echo refused";
    expect(await run(script, { input: { rootfs } })).toBe("written\nstatus 0\n");
    expect(await run(script, { input: { rootfs }, config: { root: { path: root, readonly: true } } })).toBe("refused\nstatus 0\n");
  });

  test("has the sysctls of its namespaces", async () => {
    const sysctl = { "kernel.msgmax": "1234", "net.ipv4.ip_forward": "1", "net/ipv4/conf/lo/forwarding": "0" };
    const script = "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/lo/forwarding";
    expect(await run(script, { linux: { sysctl } })).toBe("1234\n1\n0\nstatus 0\n");
  });

  test("can't see masked paths nor write to read-only ones", async () => {
    const linux = { maskedPaths: ["/proc/version", "/bin", "/not/there"], readonlyPaths: ["/tmp", "/not/there"] };
    const script = `exec 2>&1; echo "[$(busybox cat /proc/version)]"; set -- /bin/*; echo "$1"; echo x > /tmp/x; echo end`;
    const input = ociInput(host, script, { linux, process: { args: ["/busybox", "sh", "-c", script], env: ["PATH=/"] } });
    cpSync(`${host.rootfs}/bin/busybox`, `${host.rootfs}/busybox`);
    const output = await host.runInput(input);
    expect(output).toContain("[]\n/bin/*\n");
    expect(output).toContain("Read-only file system");
    expect(output).toEndWith("end\nstatus 0\n");
  });

  test("maps its ids by every line of the mappings", async () => {
    const uidMappings = [
      { containerID: 0, hostID: host.idBase, size: 10 },
      { containerID: 1000, hostID: host.idBase + 5000, size: 2 },
    ];
    const gidMappings = [{ containerID: 0, hostID: host.idBase, size: 2000 }];
    const input = ociInput(host, "tr -s ' ' < /proc/self/uid_map; tr -s ' ' < /proc/self/gid_map; id -u; id -g", {
      sample: "userns",
      linux: { uidMappings, gidMappings },
      process: { user: { uid: 1001, gid: 5 } },
    });
    if (input.rootfs.kind === "overlay") chownSync(input.rootfs.upper, host.idBase, host.idBase);
    expect(await host.runInput(input)).toBe(
      ` 0 ${host.idBase} 10\n 1000 ${host.idBase + 5000} 2\n 0 ${host.idBase} 2000\n1001\n5\nstatus 0\n`,
    );
  });

  test("has its devices: kind, numbers, mode and owner", async () => {
    const devices = [
      { path: "/dev/character", type: "c", major: 1, minor: 3, fileMode: 0o600, uid: 5, gid: 6 },
      { path: "/dev/unbuffered", type: "u", major: 1, minor: 5, fileMode: 0o666 },
      { path: "/dev/deep/block", type: "b", major: 7, minor: 3, fileMode: 0o640 },
      { path: "/dev/fifo", type: "p", fileMode: 0o622 },
      { path: "/elsewhere/null", type: "c", major: 1, minor: 3, fileMode: 0o20666 },
    ] as const;
    const script = devices.map(({ path }) => `stat -c '%F %t:%T %a %u:%g' ${path}`).join("; ");
    expect(await run(script, { linux: { devices } })).toBe(
      [
        "character special file 1:3 600 5:6",
        "character special file 1:5 666 0:0",
        "block special file 7:3 640 0:0",
        "fifo 0:0 622 0:0",
        "character special file 1:3 666 0:0",
        "status 0\n",
      ].join("\n"),
    );
  });
});

describe("the program", () => {
  test("has its arguments, environment and working directory", async () => {
    const process = {
      args: ["sh", "-c", 'echo "$0|$1|$2"; echo "$NAME"; pwd', "zero", "one two", ""],
      env: ["PATH=/bin", "NAME=a=b c"],
      cwd: "/made/for/it",
    };
    expect(await run("", { process })).toBe("zero|one two|\na=b c\n/made/for/it\nstatus 0\n");
  });

  test("has a terminal of the size asked for", async () => {
    const input = ociInput(host, "tty; busybox stty size", { sample: "tty", process: { consoleSize: { height: 11, width: 77 } } });
    expect(await host.runInput({ ...input, terminal: { rows: 11, columns: 77 } })).toBe("/dev/pts/0\n11 77\nstatus 0\n");
  });

  test("has each of the five sets of capabilities", async () => {
    const [chown, kill, raw, chroot, mknod] = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD"] as const;
    const capabilities = {
      bounding: [chown, kill, raw, chroot, mknod],
      permitted: [chown, kill, raw, chroot],
      effective: [chown, kill],
      inheritable: [raw, chroot],
      ambient: [raw],
    };
    // Not root, whose exec would raise all of them again.
    const output = await run("grep ^Cap /proc/self/status | tr -d '\\t'", { process: { user: { uid: 1000, gid: 1000 }, capabilities } });
    const bits = (...numbers: number[]): string =>
      numbers
        .reduce((sum, bit) => sum | (1 << bit), 0)
        .toString(16)
        .padStart(16, "0");
    expect(output).toBe(
      `CapInh:${bits(13, 18)}\nCapPrm:${bits(13)}\nCapEff:${bits(13)}\nCapBnd:${bits(0, 5, 13, 18, 27)}\nCapAmb:${bits(13)}\nstatus 0\n`,
    );
    const root = await run("grep -E '^Cap(Prm|Eff)' /proc/self/status | tr -d '\\t'", {
      process: { capabilities: { bounding: [kill], permitted: [kill], effective: [kill] } },
    });
    expect(root).toBe(`CapPrm:${bits(5)}\nCapEff:${bits(5)}\nstatus 0\n`);
  });

  test("gains no privileges where it may not", async () => {
    const script = "grep NoNewPrivs /proc/self/status | tr -d '\\t'";
    expect(await run(script, { process: { noNewPrivileges: true } })).toBe("NoNewPrivs:1\nstatus 0\n");
    expect(await run(script, { process: { noNewPrivileges: false } })).toBe("NoNewPrivs:0\nstatus 0\n");
  });
});
