import { afterAll, beforeAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import type { OciMount } from "../../src/plan/oci-config.ts";
import { type OciChange, ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

const needs = ["root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue"];
const test = requires(...needs);
/** The mounts here are of tmpfs. */
const testMapped = requires(...needs, "idmapped-tmpfs");

let host: PlanHost;
/** A file system of the host's, shared, with another one beneath it. */
let volume: string;

function command(name: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name} ${args.join(" ")}: ${stderr}`);
}

beforeAll(() => {
  host = new PlanHost("oci-mounts");
  volume = `${host.directory}/shared`;
  for (const path of [volume, `${volume}/beneath`]) {
    mkdirSync(path);
    command("mount", "-t", "tmpfs", "volume", path);
    command("mount", "--make-shared", path);
    writeFileSync(`${path}/file`, "");
    chownSync(`${path}/file`, 1000, 1000);
  }
});

afterAll(async () => {
  command("umount", "-R", volume);
  await host.close();
});

const run = (script: string, mounts: readonly OciMount[], change: OciChange = {}): Promise<string> =>
  host.runInput(ociInput(host, script, { ...change, mounts }));

const bind = (...options: readonly string[]): OciMount => ({ destination: "/v", type: "bind", source: volume, options });
const options = "grep ' /v' /proc/self/mountinfo | cut -d ' ' -f 5-";

describe("bind mounts", () => {
  test("are alone or with what is mounted beneath", async () => {
    expect(await run("ls /v/beneath", [bind("bind")])).toBe("status 0\n");
    expect(await run("ls /v/beneath", [bind("rbind")])).toBe("file\nstatus 0\n");
    expect(await run("ls /v/beneath", [{ ...bind("rbind"), type: "none" }])).toBe("file\nstatus 0\n");
  });

  test("take attributes for themselves, and recursive ones for all beneath", async () => {
    const touch = "touch /v/new 2> /dev/null || echo refused; touch /v/beneath/new 2> /dev/null || echo beneath refused";
    expect(await run(touch, [bind("rbind", "ro")])).toBe("refused\nstatus 0\n");
    expect(await run(touch, [bind("rbind", "rro")])).toBe("refused\nbeneath refused\nstatus 0\n");
    expect(await run(touch, [bind("rbind", "rro", "rw")])).toBe("beneath refused\nstatus 0\n");
    const recursive = ["rnosuid", "rnodev", "rnoexec", "rnosymfollow", "rnoatime", "rnodiratime"];
    const output = await run(options, [bind("rbind", ...recursive)]);
    for (const line of output.trim().split("\n").slice(0, 2)) {
      const words = line.split(" ")[1]?.split(",") ?? [];
      for (const word of recursive) expect(words).toContain(word.slice(1));
    }
  });

  test("clear recursively what is set on the host's mounts", async () => {
    command("mount", "-o", "remount,bind,nosuid,noexec", `${volume}/beneath`);
    expect(await run(options, [bind("rbind", "rsuid")])).toMatch(/\/v\/beneath rw,noexec,/);
    expect(await run(options, [bind("rbind", "rexec", "rsuid")])).toMatch(/\/v\/beneath rw,relatime /);
    command("mount", "-o", "remount,bind,suid,exec", `${volume}/beneath`);
  });

  for (const [word, both, fields] of [
    ["rprivate", true, /^\/v rw,relatime - tmpfs/m],
    ["rslave", true, /^\/v rw,relatime master:\d+ - tmpfs/m],
    ["rshared", true, /^\/v rw,relatime shared:\d+ - tmpfs/m],
    ["runbindable", true, /^\/v rw,relatime unbindable - tmpfs/m],
    ["slave", false, /^\/v rw,relatime master:\d+ - tmpfs/m],
    ["shared", false, /^\/v rw,relatime shared:\d+ - tmpfs/m],
  ] as const) {
    test(`propagate as ${word} says`, async () => {
      const output = await run(options, [bind("rbind", word)]);
      expect(output).toMatch(fields);
      if (both) expect(output).toMatch(new RegExp(fields.source.replace("^\\/v", "^\\/v\\/beneath"), "m"));
    });
  }

  test("see what the host mounts later when they are slaves", async () => {
    mkdirSync(`${volume}/later`, { recursive: true });
    const target = await host.launch(ociInput(host, "sleep 1000", { mounts: [bind("rbind", "rslave")] }));
    command("mount", "-t", "tmpfs", "later", `${volume}/later`);
    expect(spawnSync("grep", ["-c", " /v/later ", `/proc/${target.pid}/mountinfo`], { encoding: "utf8" }).stdout).toBe("1\n");
    await host.kill(target);
    command("umount", `${volume}/later`);
  });

  test("of files, by relative source, and by a descriptor of the client's", async () => {
    writeFileSync(`${host.directory}/relative`, "by its path from the bundle\n");
    const descriptor = openSync(`${host.directory}/relative`, "r");
    const mounts = [
      { destination: "/etc/relative", type: "bind", source: "relative", options: ["bind"] },
      { destination: "/etc/descriptor", type: "bind", source: `/proc/self/fd/${descriptor}`, options: ["bind", "ro"] },
    ];
    const input = { fileMounts: ["/etc/hosts", "/etc/relative", "/etc/descriptor"], clientPid: process.pid };
    expect(await run("cat /etc/relative /etc/descriptor", mounts, { input })).toBe(
      "by its path from the bundle\nby its path from the bundle\nstatus 0\n",
    );
    closeSync(descriptor);
  });
});

describe("id-mapped mounts", () => {
  const owners = "stat -c %u:%g /v/file /v/beneath/file";
  const mapping = {
    uidMappings: [{ containerID: 1000, hostID: 5000, size: 1 }],
    gidMappings: [{ containerID: 1000, hostID: 6000, size: 1 }],
  };

  testMapped("have a mapping of their own, without a user namespace", async () => {
    expect(await run(owners, [{ ...bind("rbind", "idmap"), ...mapping }])).toBe("5000:6000\n1000:1000\nstatus 0\n");
    expect(await run(owners, [{ ...bind("rbind"), ...mapping }])).toBe("5000:6000\n1000:1000\nstatus 0\n");
  });

  testMapped("are mapped with all beneath by ridmap", async () => {
    expect(await run(owners, [{ ...bind("rbind", "ridmap"), ...mapping }])).toBe("5000:6000\n5000:6000\nstatus 0\n");
  });

  testMapped("take the container's mapping", async () => {
    expect(await run(owners, [bind("rbind", "idmap")], { sample: "userns" })).toBe("1000:1000\n65534:65534\nstatus 0\n");
    expect(await run(owners, [bind("rbind")], { sample: "userns" })).toBe("65534:65534\n65534:65534\nstatus 0\n");
  });

  testMapped("take it also where the root file system can't be mapped", async () => {
    const { features } = host.inputOf("default", { script: "" });
    const input = { features: { ...features, idmappedMounts: false } };
    // Nothing in a directory of the image's, which belongs to nobody in there.
    const config = { mounts: [{ destination: "/proc", type: "proc" }, bind("rbind", "ridmap")] };
    const output = await run(owners, [], { sample: "userns", input, config });
    expect(output).toBe("1000:1000\n1000:1000\nstatus 0\n");
  });

  testMapped("need a mapping, and something to bind", async () => {
    await expect(run("true", [bind("rbind", "idmap")])).rejects.toThrow("needs `uidMappings`");
    await expect(run("true", [{ destination: "/v", type: "tmpfs", options: ["idmap"] }])).rejects.toThrow("no bind mount");
  });
});

describe("other mounts", () => {
  test("propagate, too", async () => {
    const mounts = [{ destination: "/v", type: "tmpfs", source: "v", options: ["shared", "nosuid", "size=1m"] }];
    expect(await run(options, mounts)).toMatch(/^\/v rw,nosuid,relatime shared:\d+ - tmpfs v rw,size=1024k/);
  });

  test("tmpcopyup brings along what the image has there, with owners, modes, links and times", async () => {
    const place = `${host.rootfs}/template`;
    mkdirSync(`${place}/directory`, { recursive: true });
    writeFileSync(`${place}/directory/file`, "text\n");
    chmodSync(`${place}/directory/file`, 0o4711);
    chownSync(`${place}/directory/file`, 7, 8);
    chmodSync(`${place}/directory/file`, 0o4711);
    chmodSync(`${place}/directory`, 0o1770);
    symlinkSync("directory/file", `${place}/link`);
    spawnSync("touch", ["-d", "2001-02-03 04:05:06", `${place}/directory/file`]);
    const mounts = (...more: string[]): OciMount[] => [{ destination: "/template", type: "tmpfs", options: ["tmpcopyup", ...more] }];
    const look =
      "cat /template/link; stat -c '%a %u %g %Y' /template/directory/file; stat -c %a /template/directory; readlink /template/link";
    const seen = `text\n4711 7 8 ${Date.parse("2001-02-03 04:05:06") / 1000}\n1770\ndirectory/file\n`;
    expect(await run(`${look}; touch /template/new && echo writable; grep -c ' /template ' /proc/self/mountinfo`, mounts())).toBe(
      `${seen}writable\n1\nstatus 0\n`,
    );
    expect(await run(`${look}; touch /template/new 2> /dev/null || echo refused`, mounts("ro"))).toBe(`${seen}refused\nstatus 0\n`);
    await expect(run("true", [{ ...bind("rbind", "tmpcopyup") }])).rejects.toThrow("no tmpfs to copy into");
  });

  test("of the host's stand in where a user namespace may not mount its own", async () => {
    const namespaces = (["mount", "user", "uts", "ipc", "cgroup"] as const).map((type) => ({ type }));
    const sysctl = { "kernel.msgmax": "1234" };
    const output = await run(
      "ls -d /sys/class /proc/1/cmdline; grep -E ' (/sys|/proc) ' /proc/self/mountinfo | cut -d ' ' -f 5,6; touch /sys/x 2> /dev/null || echo refused; cat /proc/sys/kernel/msgmax",
      [],
      { sample: "userns", linux: { namespaces, timeOffsets: {}, sysctl, maskedPaths: [], readonlyPaths: [] } },
    );
    expect(output).toContain("/proc/1/cmdline\n/sys/class\n");
    expect(output).toContain("\n/sys ro,nosuid,nodev,noexec,relatime\n");
    expect(output).toEndWith("refused\n1234\nstatus 0\n");
  });

  test("show the container's cgroups in a user namespace without a cgroup namespace", async () => {
    const namespaces = (["mount", "user", "uts", "pid", "ipc", "network"] as const).map((type) => ({ type }));
    const output = await run("ls -d /sys/fs/cgroup/*/tasks /sys/fs/cgroup/cgroup.procs 2> /dev/null | head -n 1; echo end", [], {
      sample: "userns",
      linux: { namespaces, timeOffsets: {} },
    });
    expect(output).toMatch(/^\/sys\/fs\/cgroup\/.*\nend\nstatus 0\n$/);
  });
});

describe("the root file system", () => {
  for (const [propagation, fields] of [
    ["private", /^\/ rw,relatime - /m],
    ["unbindable", /^\/ rw,relatime unbindable - /m],
    ["shared", /^\/ rw,relatime shared:\d+ - /m],
  ] as const) {
    test(`propagates as \`${propagation}\` says`, async () => {
      const output = await run("grep ' / / ' /proc/self/mountinfo | cut -d ' ' -f 5-", [], { linux: { rootfsPropagation: propagation } });
      expect(output).toMatch(fields);
    });
  }

  test("of a bundle follows the host's mounts as a slave", async () => {
    const root = `${host.directory}/slave`;
    mkdirSync(root);
    command("mount", "--bind", host.rootfs, root);
    command("mount", "--make-shared", root);
    const output = await run("cut -d ' ' -f 5- /proc/self/mountinfo | grep '^/ '", [], {
      linux: { rootfsPropagation: "slave" },
      input: { rootfs: { kind: "bundle", path: root as HostPath } },
    });
    expect(output).toMatch(/^\/ rw,relatime master:\d+ - /);
    command("umount", root);
  });
});
