import { afterAll, beforeAll, describe, expect } from "bun:test";
import { mkdirSync, readFileSync, readlinkSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import type { LaunchedProcess } from "../../src/kernel/launcher-client.ts";
import type { OciNamespaceType } from "../../src/plan/oci-config.ts";
import { ociExtensions } from "../../src/plan/oci/oci-extensions.ts";
import type { PlanInput } from "../../src/plan/plan-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

const KINDS: readonly OciNamespaceType[] = ["user", "mount", "pid", "network", "uts", "ipc", "cgroup", "time"];
const FILES: Readonly<Record<OciNamespaceType, string>> = {
  user: "user",
  mount: "mnt",
  pid: "pid",
  network: "net",
  uts: "uts",
  ipc: "ipc",
  cgroup: "cgroup",
  time: "time",
};

let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("oci-namespaces");
});

afterAll(async () => {
  await host.close();
});

/** A container that makes the namespaces `own` and joins the `joined` ones of `target`. */
function joining(
  target: LaunchedProcess,
  script: string,
  {
    own,
    joined,
    bundle = false,
  }: { readonly own: readonly OciNamespaceType[]; readonly joined: readonly OciNamespaceType[]; readonly bundle?: boolean },
): PlanInput {
  const input = host.inputOf(joined.includes("user") ? "userns" : "default", { script });
  const path = (type: OciNamespaceType): string => `/proc/${target.pid}/ns/${FILES[type]}`;
  return {
    ...input,
    ...(bundle ? { rootfs: { kind: "bundle" as const, path: host.rootfs as HostPath } } : {}),
    config: {
      ...input.config,
      hostname: own.includes("uts") ? "joined" : "",
      linux: {
        ...input.config.linux,
        namespaces: [...own.map((type) => ({ type })), ...joined.map((type) => ({ type, path: path(type) }))],
        timeOffsets: {},
        sysctl: {},
      },
    },
    extensions: ociExtensions,
  };
}

const links = "for n in user mnt pid net uts ipc cgroup time; do readlink /proc/self/ns/$n; done";
const namespacesOf = (pid: number | "self"): string[] =>
  ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"].map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));

describe("namespaces by path", () => {
  for (const type of KINDS.filter((kind) => kind !== "mount" && kind !== "user")) {
    test(`join one ${type} namespace and make the others`, async () => {
      const target = await host.start("default", { script: "sleep 1000", id: "target" });
      const own = KINDS.filter((kind) => kind !== type && kind !== "user");
      const output = await host.runInput(joining(target, links, { own, joined: [type] }));
      const theirs = namespacesOf(target.pid);
      const shared = output
        .trim()
        .split("\n")
        .slice(0, 8)
        .filter((link) => theirs.includes(link));
      expect(shared.filter((link) => !link.startsWith("user:"))).toEqual([readlinkSync(`/proc/${target.pid}/ns/${FILES[type]}`)]);
      await host.kill(target);
    });
  }

  test("join a user namespace: the namespaces that are made belong to it", async () => {
    const target = await host.start("userns", { script: "sleep 1000", id: "target" });
    const own = KINDS.filter((kind) => kind !== "user");
    const script = `${links}; id -u; tr -s ' ' < /proc/self/uid_map; touch /new && stat -c %u /new /bin/busybox; hostname other && hostname; mount -t tmpfs x /tmp && echo mounted`;
    const capable = joining(target, script, { own, joined: ["user"] });
    const all = (capable.config.process?.capabilities?.bounding ?? []).concat("CAP_SYS_ADMIN");
    const input = {
      ...capable,
      config: {
        ...capable.config,
        process: { ...capable.config.process, cwd: "/", capabilities: { bounding: all, effective: all, permitted: all } },
      },
    };
    const [user, ...rest] = (await host.runInput(input)).split("\n");
    const [theirUser, ...theirs] = namespacesOf(target.pid);
    expect(user).toBe(theirUser);
    expect(rest.slice(0, 7).filter((link) => theirs.includes(link))).toEqual([]);
    expect(rest.slice(7)).toEqual(["0", ` 0 ${host.idBase} 65536`, "0", "0", "other", "mounted", "status 0", ""]);
    await host.kill(target);
  });

  test("join a user namespace together with namespaces that belong to it, as the containers of a pod do", async () => {
    const target = await host.start("userns", { script: "sleep 1000", id: "target" });
    const joined = ["user", "network", "ipc", "uts", "pid"] as const;
    const output = await host.runInput(joining(target, `${links}; hostname`, { own: ["mount", "cgroup"], joined }));
    const theirs = namespacesOf(target.pid);
    for (const type of joined) expect(output).toContain(readlinkSync(`/proc/${target.pid}/ns/${FILES[type]}`));
    expect(output.split("\n").filter((link) => theirs.includes(link) && !link.startsWith("time:"))).toHaveLength(5);
    expect(output).toEndWith("wherry\nstatus 0\n");
    await host.kill(target);
  });

  test("join a user namespace by a process that may have been replaced", async () => {
    const target = await host.start("userns", { script: "sleep 1000", id: "target" });
    const input = joining(target, links, { own: KINDS.filter((kind) => kind !== "user"), joined: ["user"] });
    const joins = { user: { pid: target.pid, startTime: target.startTime } };
    expect(await host.runInput({ ...input, joins })).toContain(readlinkSync(`/proc/${target.pid}/ns/user`));
    await expect(host.runInput({ ...input, joins: { user: { pid: target.pid, startTime: target.startTime + 1n } } })).rejects.toThrow(
      "was replaced by another",
    );
    await host.kill(target);
  });

  test("join a mount namespace: the root is the bundle's, the other processes keep theirs", async () => {
    const holder = await host.start("host-namespaces", { script: "sleep 1000", id: "holder" });
    mkdirSync(`${host.rootfs}/only-here`, { recursive: true });
    // A mount namespace that still has the host's files: the launcher of a container on its way has one; here a plain unshared process.
    const unshared = Bun.spawn(["unshare", "-m", "sleep", "1000"]);
    await host.kill(holder);
    const target = { ...holder, pid: unshared.pid };
    while (readlinkSync(`/proc/${unshared.pid}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt")) await Bun.sleep(5);
    const output = await host.runInput(
      joining(target, `readlink /proc/self/ns/mnt; ls -d /only-here; ls /sys/firmware | wc -l; ls /var 2> /dev/null; echo end`, {
        own: ["pid", "uts", "ipc", "network", "cgroup"],
        joined: ["mount"],
        bundle: true,
      }),
    );
    expect(output).toBe(`${readlinkSync(`/proc/${unshared.pid}/ns/mnt`)}\n/only-here\n0\nend\nstatus 0\n`);
    const mounts = readFileSync(`/proc/${unshared.pid}/mountinfo`, "utf8");
    expect(readlinkSync(`/proc/${unshared.pid}/root`)).toBe("/");
    expect(mounts).toContain(` ${host.rootfs}/proc `);
    expect(mounts.split("\n").some((line) => / \/sys [^-]*- tmpfs/.test(line))).toBe(false);
    unshared.kill("SIGKILL");
    await unshared.exited;
  });
});

describe("chroot instead of pivot_root", () => {
  test("shows the same files", async () => {
    const input = host.inputOf("bundle", { script: "ls -d /bin /proc/1; ls /var 2> /dev/null; echo end" });
    expect(await host.runInput({ ...input, noPivot: true })).toBe("/bin\n/proc/1\nend\nstatus 0\n");
  });
});
