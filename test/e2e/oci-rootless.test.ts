// `wherry oci` for somebody who is not root.
import { describe, expect } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import type { BundleChange } from "../support/oci-host.ts";
import { requires } from "../support/requires.ts";
import { useRootlessHost } from "../support/rootless-host.ts";

const test = requires("root", "binary", "payload", "user-namespaces");
const testMapped = requires("root", "binary", "payload", "user-namespaces", "uidmap");
const { user, host, bundle } = useRootlessHost("oci-rootless");

let count = 0;
async function runs(args: readonly string[], change?: BundleChange) {
  count += 1;
  return host.oci(["run", "-b", await bundle(args, change), `run${count}`]);
}

const failure = (text: string) => ({ code: 1, stderr: expect.stringContaining(text) });
const single = [{ containerID: 0, hostID: user.uid, size: 1 }];
const several = [...single, { containerID: 1, hostID: user.subIds.first, size: 1000 }];

describe("a container of a user's", () => {
  test("runs what `spec --rootless` has written, as the user and as root in there", async () => {
    const { code, stdout, stderr } = await runs(["/payload", "identity"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const identity = JSON.parse(stdout) as { readonly status: Record<string, string> };
    expect(identity).toMatchObject({ pid: 1, uid: 0, gid: 0, groups: [], hostname: "wherry" });
    expect(identity.status).toMatchObject({ CapEff: "0000000020000420", CapBnd: "0000000020000420", NoNewPrivs: "1" });
    expect(existsSync(`${host.root}/run${count}`)).toBe(false);
  });

  test("goes through its life: create, start, exec, ps, list, kill, delete", async () => {
    const made = await bundle(["/payload", "sleep"]);
    await host.left(["create", "-b", made, "life"]);
    expect(await host.state("life")).toMatchObject({ status: "created" });
    await host.ok(["start", "life"]);
    const { pid } = await host.state("life");
    expect(await host.ok(["exec", "life", "/payload", "identity"])).toContain('"uid":0');
    expect((await host.oci(["exec", "life", "/payload", "exit", "7"])).code).toBe(7);
    expect(JSON.parse(await host.ok(["ps", "-f", "json", "life"]))).toEqual([pid]);
    expect(JSON.parse(await host.ok(["list", "-f", "json"]))).toMatchObject([{ id: "life", pid, owner: "wherry-test" }]);
    expect(readFileSync(`/proc/${String(pid)}/status`, "utf8")).toMatch(/^Uid:\t12345\t12345\t12345\t12345$/m);
    // Nobody has given it a group that could be stopped.
    expect(statSync(host.root).mode & 0o7777).toBe(0o1700);
    expect(await host.oci(["pause", "life"])).toMatchObject(failure("no control group"));
    await host.ok(["kill", "--all", "life", "KILL"]);
    await host.untilStatus("life", "stopped");
    await host.ok(["delete", "life"]);
  });

  test("has devices that work, which are the host's", async () => {
    const made = await bundle(["/payload", "try", "write", "/dev/null", "x"]);
    expect(await host.oci(["run", "-b", made, "null"])).toMatchObject({ code: 0, stdout: "ok\n" });
    expect(await runs(["/payload", "try", "mknod", "/dev/x", "1", "3"])).toMatchObject({ stdout: "EPERM\n" });
    const missing: BundleChange = ({ linux }) => void (linux.devices = [{ path: "/dev/nosuch", type: "c", major: 1, minor: 3 }]);
    expect(await runs(["/payload", "exit", "0"], missing)).toMatchObject(failure("bind device `/dev/nosuch`"));
  });

  test("has a terminal of its own", async () => {
    const made = await bundle(["/payload", "terminal", "0"], (config) => void (config.process.terminal = true));
    expect(await host.oci(["run", "-b", made, "terminal"])).toMatchObject({ code: 0, stdout: "1 1 1 0x0\r\n" });
  });

  test("has sysctls, a network, clocks and an OOM score of its own", async () => {
    const own: BundleChange = ({ linux, process }) => {
      linux.namespaces = [...(linux.namespaces ?? []), { type: "network" }, { type: "time" }];
      linux.sysctl = { "net.ipv4.ip_forward": "1" };
      linux.timeOffsets = { boottime: { secs: 10_000_000, nanosecs: 0 } };
      process.oomScoreAdj = 700;
    };
    const identity = JSON.parse((await runs(["/payload", "identity"], own)).stdout) as Record<string, unknown>;
    expect(identity).toMatchObject({ oomScoreAdj: "700" });
    expect(Number(identity["boottimeSeconds"])).toBeGreaterThan(10_000_000);
  });

  test("gets hooks, which run as the user", async () => {
    const file = `${host.directory}/hooks`;
    const hook = { path: "/bin/sh", args: ["sh", "-c", `/usr/bin/id -u >> ${file}`] };
    const change: BundleChange = (config) => void (config.hooks = { createRuntime: [hook], poststart: [hook], poststop: [hook] });
    expect((await runs(["/payload", "exit", "0"], change)).code).toBe(0);
    // What belongs to the launcher runs where the launcher is root.
    expect(readFileSync(file, "utf8")).toBe("0\n12345\n12345\n");
  });
});

describe("what a user can't have is told, in runc's words where it has some", () => {
  const cases: readonly (readonly [string, BundleChange, string])[] = [
    [
      "no user namespace",
      ({ linux }) => {
        linux.namespaces = [{ type: "mount" }, { type: "pid" }];
        delete linux.uidMappings;
        delete linux.gidMappings;
      },
      "rootless containers require user namespaces",
    ],
    ["no mapping", ({ linux }) => void (linux.uidMappings = []), "require at least one mapping"],
    [
      "somebody else",
      ({ linux }) => void (linux.uidMappings = [{ containerID: 0, hostID: 1, size: 1 }]),
      "0 has to be the caller's own id, 12345",
    ],
    [
      "limits",
      ({ linux }) => void (linux.resources = { pids: { limit: 10 } }),
      "rootless needs no limits + no cgrouppath when no permission is granted",
    ],
    [
      "a control group",
      ({ linux }) => void (linux.cgroupsPath = "/wherry-rootless-test"),
      "make the control group `/wherry-rootless-test`",
    ],
    [
      "groups",
      ({ process }) => void (process.user = { uid: 0, gid: 0, additionalGids: [5] }),
      "cannot set any additional groups in a rootless container",
    ],
    ["another user", ({ process }) => void (process.user = { uid: 5, gid: 5 }), "user 5:5 is not mapped"],
    [
      "an owner",
      (config) => void (config.mounts = [{ destination: "/dev/pts", type: "devpts", source: "devpts", options: ["gid=5"] }]),
      "cannot specify gid= mount options for unmapped gid",
    ],
  ];
  for (const [name, change, words] of cases)
    test(name, async () => {
      expect(await runs(["/payload", "exit", "0"], change)).toMatchObject(failure(words));
      expect(existsSync(`${host.root}/run${count}`)).toBe(false);
    });

  test("--rootless false: a container without a control group", async () => {
    const made = await bundle(["/payload", "exit", "0"]);
    expect(await host.oci(["--rootless", "false", "run", "-b", made, "strict"])).toMatchObject(failure("make the control group"));
    expect(await host.oci(["--rootless", "maybe", "list"])).toMatchObject(failure("true, false or auto"));
  });
});

describe("further ids", () => {
  const mapped: BundleChange = ({ linux }) => {
    linux.uidMappings = several;
    linux.gidMappings = several;
  };

  testMapped("are mapped by newuidmap, for users and groups of the container's", async () => {
    const change: BundleChange = (config) => {
      mapped(config);
      config.process.user = { uid: 5, gid: 6, additionalGids: [7] };
      config.process.capabilities = {};
    };
    const made = await bundle(["/payload", "sleep"], change);
    await host.left(["run", "--detach", "-b", made, "mapped"]);
    const { pid } = await host.state("mapped");
    expect(readFileSync(`/proc/${String(pid)}/status`, "utf8")).toMatch(/^Uid:\t100004\t[^]*^Gid:\t100005\t[^]*^Groups:\t100006 $/m);
    const identity = JSON.parse(await host.ok(["exec", "--user", "9:10", "mapped", "/payload", "identity"])) as object;
    expect(identity).toMatchObject({ uid: 9, gid: 10, groups: [7] });
    await host.ok(["kill", "mapped", "KILL"]);
    await host.untilStatus("mapped", "stopped");
    await host.ok(["delete", "mapped"]);
  });

  testMapped("that are not the user's are refused", async () => {
    const foreign: BundleChange = (config) => {
      mapped(config);
      config.linux.uidMappings = [...single, { containerID: 1, hostID: 1000, size: 10 }];
    };
    expect(await runs(["/payload", "exit", "0"], foreign)).toMatchObject(failure("uid range [1-11) -> [1000-1010) not allowed"));
  });
});

test("a second container joins the namespaces of the first, as those of a pod do", async () => {
  const first = await bundle(
    ["/payload", "sleep"],
    ({ linux }) => void (linux.namespaces = [...(linux.namespaces ?? []), { type: "network" }]),
  );
  await host.left(["run", "--detach", "-b", first, "pod"]);
  const { pid } = await host.state("pod");
  const files = { user: "user", network: "net", ipc: "ipc", uts: "uts", pid: "pid" } as const;
  const second = await bundle(["/payload", "identity"], (config) => {
    delete config.hostname;
    config.linux.namespaces = [
      ...Object.entries(files).map(([type, file]) => ({ type: type as keyof typeof files, path: `/proc/${String(pid)}/ns/${file}` })),
      { type: "mount" },
    ];
  });
  const { stdout, stderr } = await host.oci(["run", "-b", second, "member"]);
  expect(stderr).toBe("");
  const namespacesOf = (text: string) => (JSON.parse(text) as { readonly namespaces: Readonly<Record<string, string>> }).namespaces;
  const namespaces = namespacesOf(stdout);
  const own = namespacesOf(await host.ok(["exec", "pod", "/payload", "identity"]));
  for (const file of Object.values(files)) expect([file, namespaces[file]]).toEqual([file, own[file]]);
  await host.ok(["delete", "--force", "pod"]);
});
