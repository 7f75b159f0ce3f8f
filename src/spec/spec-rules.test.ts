import { describe, expect, test } from "bun:test";
import { allCapabilities } from "../core/all-capabilities.ts";
import { defaultCapabilities, resolveCapabilities } from "./capabilities.ts";
import { refuseConflicts } from "./conflicts.ts";
import { buildDevices, deviceNumber } from "./devices.ts";
import { buildMounts, cleanPath } from "./mounts.ts";
import { parseNamespaces } from "./namespaces.ts";
import { buildResources } from "./resources.ts";
import { parseSecurityOptions } from "./security-options.ts";
import { buildSysctls } from "./sysctls.ts";

const everything = (1n << BigInt(allCapabilities.length)) - 1n;

describe("resolveCapabilities()", () => {
  test("gives docker's fourteen by default", () => {
    expect(new Set(resolveCapabilities({}, everything))).toEqual(new Set(defaultCapabilities));
  });
  test("adds and drops, with and without the prefix, in any case", () => {
    const names = resolveCapabilities({ capAdd: ["net_admin", "CAP_SYS_PTRACE"], capDrop: ["KILL"] }, everything);
    expect(names).toContain("CAP_NET_ADMIN");
    expect(names).toContain("CAP_SYS_PTRACE");
    expect(names).not.toContain("CAP_KILL");
  });
  test("takes ALL on either side", () => {
    expect(resolveCapabilities({ capAdd: ["ALL"], capDrop: ["SYS_ADMIN"] }, everything)).toHaveLength(allCapabilities.length - 1);
    expect(resolveCapabilities({ capDrop: ["all"], capAdd: ["CHOWN"] }, everything)).toEqual(["CAP_CHOWN"]);
  });
  test("adds last: a name that is added and dropped is had, one dropped from ALL is not", () => {
    expect(resolveCapabilities({ capAdd: ["SYS_ADMIN"], capDrop: ["SYS_ADMIN"] }, everything)).toContain("CAP_SYS_ADMIN");
    expect(resolveCapabilities({ capAdd: ["ALL"], capDrop: ["ALL", "KILL"] }, everything)).toHaveLength(allCapabilities.length - 1);
  });
  test("never gives what is not held, even when privileged", () => {
    const withoutResource = everything & ~(1n << 24n);
    expect(resolveCapabilities({ privileged: true }, withoutResource)).not.toContain("CAP_SYS_RESOURCE");
  });
  test("refuses unknown names", () => {
    expect(() => resolveCapabilities({ capAdd: ["FLY"] }, everything)).toThrow('unknown capability: "FLY"');
  });
});

describe("parseSecurityOptions()", () => {
  test("reads docker's words with = and :", () => {
    expect(
      parseSecurityOptions({ securityOpt: ["no-new-privileges:true", "seccomp=unconfined", "apparmor=mine", "label=disable"] }),
    ).toEqual({
      noNewPrivileges: true,
      seccomp: "unconfined",
      apparmor: "mine",
      systemPathsUnconfined: false,
    });
  });
  test("keeps a profile's JSON whole", () => {
    expect(parseSecurityOptions({ securityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] }).seccomp).toBe(
      '{"defaultAction":"SCMP_ACT_ALLOW"}',
    );
  });
  test("refuses what it does not know", () => {
    for (const word of ["nonsense", "seccomp=", "no-new-privileges=maybe", "label=type:x"])
      expect(() => parseSecurityOptions({ securityOpt: [word] })).toThrow();
  });
});

describe("parseNamespaces()", () => {
  test.each([{}, { network: "", pid: "", ipc: "", uts: "", user: "", cgroup: "", time: "" }])(
    "makes all but the user namespace for %j",
    (given) => {
      const choices = parseNamespaces(given);
      expect(choices.user.kind).toBe("host");
      for (const kind of ["network", "pid", "ipc", "uts", "cgroup", "time"] as const) expect(choices[kind].kind).toBe("own");
    },
  );
  test("joins containers where that is possible, and says what is where it is not", () => {
    expect(parseNamespaces({ pid: "container:db" }).pid).toEqual({ kind: "container", reference: "db" });
    expect(() => parseNamespaces({ cgroup: "container:db" })).toThrow("one of private, host is meant");
    expect(() => parseNamespaces({ network: "mars" })).toThrow("invalid --network `mars`");
  });
});

describe("refuseConflicts()", () => {
  const refuse = (options: object) => () => {
    const given = { image: "i", ...options };
    refuseConflicts(given, parseNamespaces(("namespaces" in given ? given.namespaces : undefined) ?? {}));
  };
  test("refuses what can't hold together", () => {
    expect(refuse({ hostname: "x", namespaces: { uts: "host" } })).toThrow("conflicting options: hostname and the UTS mode");
    expect(refuse({ dns: ["1.1.1.1"], namespaces: { network: "container:x" } })).toThrow("conflicting options: dns and the network mode");
    expect(refuse({ extraHosts: ["a:1.1.1.1"], namespaces: { network: "container:x" } })).toThrow("custom host-to-IP mapping");
    expect(refuse({ namespaces: { user: "auto", pid: "host" } })).toThrow("cannot share the host's pid namespace");
    expect(refuse({ namespaces: { user: "auto", pid: "container:x" } })).toThrow("cannot share another container's pid namespace");
  });
  test("lets all else pass", () => {
    expect(
      refuse({ hostname: "x", dns: ["1.1.1.1"], extraHosts: ["a:1.1.1.1"], namespaces: { network: "host", pid: "host" } }),
    ).not.toThrow();
    expect(refuse({ namespaces: { user: "auto", network: "host", uts: "host" } })).not.toThrow();
  });
});

describe("buildSysctls()", () => {
  test("takes namespaced names only, and only of namespaces of one's own", () => {
    const own = parseNamespaces({});
    expect(buildSysctls({ sysctls: { "kernel.shmmax": "1", "net/core/somaxconn": "5" } }, own)).toMatchObject({
      "kernel.shmmax": "1",
      "net.core.somaxconn": "5",
    });
    expect(() => buildSysctls({ sysctls: { "vm.swappiness": "1" } }, own)).toThrow("not namespaced");
    expect(() => buildSysctls({ sysctls: { "net.core.somaxconn": "1" } }, parseNamespaces({ network: "host" }))).toThrow(
      "not allowed in the host's network namespace",
    );
    expect(() => buildSysctls({ sysctls: { "net..x": "1" } }, own)).toThrow();
  });
});

describe("buildMounts()", () => {
  const context = { hosts: "/h", hostname: "/n", resolvConf: "/r", userNamespace: false, joinedShm: null };
  test("lets a user's mount replace a default one and puts parents before children", () => {
    const mounts = buildMounts(
      {
        image: "i",
        mounts: [
          { type: "bind", source: "/a", target: "/data/deep/er" },
          { type: "bind", source: "/b", target: "/data/" },
          { type: "tmpfs", target: "/dev/shm" },
        ],
      },
      context,
    );
    const destinations = mounts.map((mount) => mount.destination);
    expect(destinations.indexOf("/data")).toBeLessThan(destinations.indexOf("/data/deep/er"));
    expect(destinations.filter((path) => path === "/dev/shm")).toHaveLength(1);
    expect(mounts.find((mount) => mount.destination === "/dev/shm")?.type).toBe("tmpfs");
    expect(mounts.find((mount) => mount.destination === "/etc/hosts")?.source).toBe("/h");
  });
  test("makes all beneath a read-only bind read-only, unless only the one mount is bound", () => {
    const optionsOf = (more: object) =>
      buildMounts({ image: "i", mounts: [{ type: "bind", source: "/a", target: "/b", readonly: true, ...more }] }, context).find(
        (mount) => mount.destination === "/b",
      )?.options;
    expect(optionsOf({})).toEqual(["rbind", "rro", "rprivate"]);
    expect(optionsOf({ nonRecursive: true })).toEqual(["bind", "ro", "rprivate"]);
    expect(optionsOf({ readonly: false })).toEqual(["rbind", "rw", "rprivate"]);
  });
  test("refuses the root, doubles and relative paths", () => {
    const refuse = (...targets: string[]) =>
      expect(() =>
        buildMounts({ image: "i", mounts: targets.map((target) => ({ type: "bind" as const, source: "/a", target })) }, context),
      ).toThrow();
    refuse("/");
    refuse("/a/..");
    refuse("rel");
    refuse("/x", "/x/");
  });
  test("leaves out shared memory with --ipc none and sizes it otherwise", () => {
    expect(buildMounts({ image: "i", namespaces: { ipc: "none" } }, context).some((mount) => mount.destination === "/dev/shm")).toBe(false);
    expect(buildMounts({ image: "i", shmSizeBytes: 1024 }, context).find((mount) => mount.destination === "/dev/shm")?.options).toContain(
      "size=1024",
    );
  });
  test("takes a size of shared memory of nothing for the default: tmpfs would take it for no limit", () => {
    const shared = buildMounts({ image: "i", shmSizeBytes: 0 }, context).find((mount) => mount.destination === "/dev/shm");
    expect(shared?.options).toContain(`size=${64 * 1024 * 1024}`);
  });
  test("makes the managed files read-only where the root is", () => {
    const hosts = (readonlyRootfs: boolean) =>
      buildMounts({ image: "i", readonlyRootfs }, context).find((mount) => mount.destination === "/etc/hosts")?.options;
    expect(hosts(true)).toContain("ro");
    expect(hosts(false)).not.toContain("ro");
  });
  test("cleanPath() leaves no way up", () => {
    expect(cleanPath("/a//b/./../../../c/")).toBe("/c");
  });
});

describe("buildResources()", () => {
  const build = (resources: object) => buildResources({ image: "i", resources }, []);
  test("turns --cpus into quota and period", () => {
    expect(build({ nanoCpus: 500_000_000 }).cpu).toEqual({ period: 100_000, quota: 50_000 });
  });
  test("refuses what docker refuses", () => {
    for (const bad of [
      { memoryBytes: 1024 },
      { memorySwapBytes: 100_000_000 },
      { memoryBytes: 100_000_000, memorySwapBytes: 50_000_000 },
      { memoryBytes: 10_000_000, memoryReservationBytes: 20_000_000 },
      { nanoCpus: 1e15 },
      { nanoCpus: 1e9, cpuQuotaMicros: 1000 },
      { cpuPeriodMicros: 10 },
      { cpuShares: -1 },
      { cpusetCpus: "0-" },
      { blkioWeight: 5 },
      { memorySwappiness: 101 },
      { blkioDeviceReadBps: [{ path: "/dev/null", rate: 1 }] },
    ]) {
      expect(() => build(bad)).toThrow();
    }
  });
  test("tells which CPUs and memory nodes there are, where others are asked for", () => {
    expect(build({ cpusetCpus: "0" }).cpu).toEqual({ cpus: "0" });
    expect(() => build({ cpusetCpus: "0,5000-5001" })).toThrow(/^requested CPUs are not available: requested 0,5000-5001, available: 0/);
    expect(() => build({ cpusetMems: "1023" })).toThrow("requested memory nodes are not available");
  });
  test("leaves out what is not limited", () => {
    expect(build({ pidsLimit: 0, memoryBytes: 0 })).toEqual({ devices: [] });
    expect(build({ pidsLimit: -1 }).pids).toEqual({ limit: -1 });
  });
});

describe("buildDevices()", () => {
  test("looks a device up by what it is", () => {
    const { devices, rules } = buildDevices({
      image: "i",
      devices: [{ hostPath: "/dev/null", containerPath: "/dev/nothing", permissions: "r" }],
    });
    expect(devices).toMatchObject([{ type: "c", path: "/dev/nothing", major: 1, minor: 3 }]);
    expect(rules.at(-1)).toEqual({ allow: true, type: "c", major: 1, minor: 3, access: "r" });
    expect(rules[0]).toEqual({ allow: false, access: "rwm" });
  });
  test("refuses a missing device, a plain file, bad permissions and rules", () => {
    const device =
      (hostPath: string, permissions = "rwm") =>
      () =>
        buildDevices({ image: "i", devices: [{ hostPath, containerPath: "/dev/x", permissions }] });
    expect(device("/dev/no-such-device")).toThrow("no such file or directory");
    expect(device("/etc/passwd")).toThrow("not a device node");
    expect(device("/sys/kernel")).toThrow("not a device node");
    expect(device("/dev/null", "x")).toThrow("invalid device mode");
    expect(() => buildDevices({ image: "i", deviceCgroupRules: ["c 1 rwm"] })).toThrow("invalid device cgroup rule");
  });
  test("deviceNumber() unpacks large numbers", () => {
    expect(deviceNumber(0x103)).toEqual({ major: 1, minor: 3 });
    expect(deviceNumber(0x800 | 0x12 | (0x345 << 20))).toEqual({ major: 8, minor: 0x34512 });
  });
});
