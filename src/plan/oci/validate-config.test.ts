import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EngineError } from "../../core/engine-error.ts";
import { ociInput } from "./testdata/oci-input.ts";
import { validateConfig, validateProcess, validateResources } from "./validate-config.ts";

const plain = { ociVersion: "1.2.0", process: { cwd: "/", args: ["sh"] }, root: { path: "rootfs" } };
const linux = (more: object): object => ({ ...plain, linux: more });

describe("validateConfig()", () => {
  test("takes a whole configuration, and what it does not know", () => {
    const { config } = ociInput("container");
    expect(validateConfig(config)).toEqual(config);
    expect(validateConfig({ ...plain, future: 1, linux: { future: [] } })).toEqual({ ...plain, future: 1, linux: { future: [] } } as never);
  });

  test("takes null for absent, as Go's engines write it", () => {
    expect(validateConfig({ ...plain, mounts: null, linux: { seccomp: null, devices: [null] } })).toEqual({
      ...plain,
      linux: { devices: [] },
    });
  });

  test("takes what engines write beyond the schema: a device's whole mode, all of 64 bits", () => {
    const device = { type: "c", path: "/dev/x", fileMode: 0o20666, major: 1, minor: 3 };
    expect(() => validateConfig(linux({ devices: [device] }))).not.toThrow();
    const process = { ...plain.process, rlimits: [{ type: "RLIMIT_CORE", soft: 2 ** 64 - 1, hard: 2 ** 64 - 1 }] };
    expect(() => validateConfig({ ...plain, process })).not.toThrow();
  });

  for (const [config, message] of [
    [[], "the configuration: an object is meant, not []"],
    [{}, "`ociVersion`: is missing"],
    [{ ...plain, hostname: 5 }, "`hostname`: a string is meant, not 5"],
    [{ ...plain, process: { cwd: "/", args: ["a", 1] } }, "`process.args[1]`: a string is meant, not 1"],
    [{ ...plain, process: { args: [] } }, "`process.cwd`: is missing"],
    [{ ...plain, process: { cwd: "/", args: ["a\0b"] } }, "`process.args[0]`: a NUL byte can't be in it"],
    [
      { ...plain, process: { cwd: "/", rlimits: [{ type: "NOFILE", soft: 1, hard: 1 }] } },
      '`process.rlimits[0].type`: "NOFILE" does not match',
    ],
    [{ ...plain, process: { cwd: "/", user: { uid: -1 } } }, "`process.user.uid`: -1 is not between 0 and 4294967295"],
    [{ ...plain, process: { cwd: "/", terminal: "yes" } }, '`process.terminal`: a boolean is meant, not "yes"'],
    [
      linux({ namespaces: [{ type: "pid" }, { type: "net" }] }),
      '`linux.namespaces[1].type`: one of mount, pid, network, uts, ipc, user, cgroup, time is meant, not "net"',
    ],
    [linux({ namespaces: {} }), "`linux.namespaces`: an array is meant, not {}"],
    [linux({ sysctl: { "net.a": 1 } }), "`linux.sysctl.net.a`: a string is meant, not 1"],
    [linux({ resources: { pids: {} } }), "`linux.resources.pids.limit`: is missing"],
    [linux({ resources: { memory: { limit: 1.5 } } }), "`linux.resources.memory.limit`: an integer is meant, not 1.5"],
    [linux({ resources: { rdma: { mlx: { hcaHandles: "1" } } } }), "`linux.resources.rdma.mlx.hcaHandles`: an integer is meant"],
    [linux({ resources: { blockIO: { weightDevice: [{ major: 1 }] } } }), "`linux.resources.blockIO.weightDevice[0].minor`: is missing"],
    [
      linux({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: [], action: "SCMP_ACT_LOG" }] } }),
      "`linux.seccomp.syscalls[0].names`: at least 1 is needed",
    ],
    [{ ...plain, hooks: { poststop: [{ path: "/x", timeout: 0 }] } }, "`hooks.poststop[0].timeout`: 0 is not between 1 and Infinity"],
  ] as const) {
    test(`says ${message}`, () => {
      expect(() => validateConfig(config)).toThrow(`container configuration: ${message}`);
    });
  }

  test("takes runc's words for propagation", () => {
    for (const rootfsPropagation of ["rslave", "rshared", "private"])
      expect(() => validateConfig(linux({ rootfsPropagation }))).not.toThrow();
  });

  const net = { namespaces: [{ type: "network" }, { type: "ipc" }, { type: "uts" }] };
  for (const [config, message] of [
    [linux({ rootfsPropagation: "rec" }), "`linux.rootfsPropagation`: one of private"],
    [
      { ...plain, process: { cwd: "/", rlimits: ["CPU", "AS", "CPU"].map((type) => ({ type: `RLIMIT_${type}`, soft: 1, hard: 1 })) } },
      "`process.rlimits[2].type`: RLIMIT_CPU is there twice",
    ],
    [linux({ gidMappings: [{ containerID: 0, hostID: 0, size: 1 }] }), "`linux.gidMappings`: there is no user namespace"],
    [linux({ timeOffsets: { boottime: { secs: 1 } } }), "`linux.timeOffsets`: there is no time namespace"],
    [linux({ namespaces: [{ type: "time", path: "/x" }], timeOffsets: { boottime: { secs: 1 } } }), "`linux.timeOffsets`"],
    [linux({ sysctl: { "net.ipv4.ip_forward": "1" } }), "`linux.sysctl.net.ipv4.ip_forward`: it takes a network namespace"],
    [linux({ sysctl: { "kernel.shmmax": "1" } }), "`linux.sysctl.kernel.shmmax`: it takes an ipc namespace"],
    [linux({ ...net, sysctl: { "kernel.panic": "1" } }), "`linux.sysctl.kernel.panic`: it belongs to no namespace"],
    [linux({ ...net, sysctl: { "net..kernel": "1" } }), "`linux.sysctl.net..kernel`: it belongs to no namespace"],
    [linux({ ...net, sysctl: { "net./../kernel/panic": "1" } }), "`linux.sysctl.net./../kernel/panic`: it belongs to no namespace"],
    [linux({ ...net, sysctl: { "kernel.hostname": "x" } }), "`linux.sysctl.kernel.hostname`: `hostname` sets it"],
  ] as const) {
    test(`finds the breach of ${message}`, () => {
      expect(() => validateConfig(config)).toThrow(`container configuration: ${message}`);
    });
  }

  test("takes the sysctls of the container's own namespaces, in both spellings", () => {
    const sysctl = {
      "net.ipv4.conf.eth0/1.forwarding": "1",
      "net/ipv4/ip_forward": "1",
      "kernel.domainname": "x",
      "fs.mqueue.msg_max": "5",
    };
    expect(() => validateConfig(linux({ ...net, sysctl }))).not.toThrow();
  });

  test("fails with an error of ours or not at all, whatever it is given", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom("process", "linux", "mounts", "hooks", "root"), (value, key) => {
        try {
          validateConfig({ ...plain, [key]: value });
        } catch (error) {
          expect(error).toBeInstanceOf(EngineError);
        }
      }),
    );
  });
});

test("validateProcess() and validateResources() name the whole path", () => {
  expect(() => validateProcess({})).toThrow("`process.cwd`: is missing");
  expect(() => validateResources({ cpu: { shares: "x" } })).toThrow("`linux.resources.cpu.shares`: an integer is meant");
});
