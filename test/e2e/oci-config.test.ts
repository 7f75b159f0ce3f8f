// Fields of a configuration that need the whole program: what happens over a container's life, and what is looked up on the host.
import { describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { OciHook } from "../../src/plan/oci-config.ts";
import { useOciHost } from "../support/oci-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "launcher", "payload", "iproute2");

const host = useOciHost("oci-config");

const HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;

describe("hooks", () => {
  test("run at their points of a container's life, each with the state of that moment", async () => {
    const log = `${host.directory}/hooks`;
    const hook = (kind: string): OciHook => ({ path: "/bin/sh", args: ["sh", "-c", `{ echo ${kind}; cat; echo; } >> ${log}`] });
    const bundle = host.bundle(["/payload", "sleep"], (config) => {
      // The one in the container has no shell there; that it runs is another test's concern.
      config.hooks = Object.fromEntries(HOOKS.filter((kind) => kind !== "startContainer").map((kind) => [kind, [hook(kind)]]));
      config.annotations = { "org.example": "yes" };
    });
    const kinds = (): string[] =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((_, index) => index % 2 === 0 && index >= 0)
        .filter(Boolean);
    await host.left(["create", "-b", bundle, "hooked"]);
    expect(kinds()).toEqual(["prestart", "createRuntime", "createContainer"]);
    await host.ok(["start", "hooked"]);
    expect(kinds().slice(3)).toEqual(["poststart"]);
    await host.ok(["kill", "hooked", "KILL"]);
    await host.untilStatus("hooked", "stopped");
    expect(kinds()).toHaveLength(4);
    await host.ok(["delete", "hooked"]);
    expect(kinds().slice(4)).toEqual(["poststop"]);
    const states = readFileSync(log, "utf8")
      .split("\n")
      .filter((_, index) => index % 2 === 1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(states.map(({ status }) => status)).toEqual(["creating", "creating", "creating", "running", "stopped"]);
    for (const state of states) expect(state).toMatchObject({ id: "hooked", bundle, annotations: { "org.example": "yes" } });
    expect(states[4]).not.toHaveProperty("pid");
  });

  test("startContainer runs when the container is started, in the container", async () => {
    const bundle = host.bundle(["/payload", "sleep"], (config) => {
      config.hooks = { startContainer: [{ path: "/payload", args: ["payload", "exit", "7"] }] };
    });
    await host.left(["create", "-b", bundle, "start-hook"]);
    const { code, stderr } = await host.oci(["start", "start-hook"]);
    expect(code).toBe(1);
    expect(stderr).toContain("run the startContainer hook `/payload`");
    expect(stderr).toContain("it exited with status 7");
    await host.ok(["delete", "--force", "start-hook"]);
  });
});

describe("linux", () => {
  test("uidMappings and gidMappings leave the root's files to the ids that they belong to", async () => {
    const mapping = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
    const bundle = host.bundle(["/payload", "sleep"], (config) => {
      config.linux.namespaces = [...(config.linux.namespaces ?? []), { type: "user" }];
      config.linux.uidMappings = mapping;
      config.linux.gidMappings = mapping;
    });
    chownSync(`${bundle}/rootfs`, 200_000, 200_000);
    chownSync(`${bundle}/rootfs/tmp`, 201_000, 201_000);
    await host.left(["run", "-d", "-b", bundle, "mapped"]);
    const { pid } = await host.state("mapped");
    // The host's view through the container's mounts: ids that a mapping of the mount would have moved.
    const seen = ["", "/tmp"].map((path) => statSync(`/proc/${String(pid)}/root${path}`).uid);
    expect(seen).toEqual([200_000, 201_000]);
    await host.ok(["delete", "--force", "mapped"]);
  });

  test("sysctls that would change the host are refused, however they get there", async () => {
    const refusal = async (change: Parameters<typeof host.bundle>[1]): Promise<string> =>
      (await host.oci(["create", "-b", host.bundle(["/payload"], change), "refused"])).stderr;
    expect(
      await refusal((config) => {
        config.linux.sysctl = { "kernel.panic": "7" };
      }),
    ).toContain("`linux.sysctl.kernel.panic`: it belongs to no namespace");
    expect(
      await refusal((config) => {
        const others = (config.linux.namespaces ?? []).filter(({ type }) => type !== "network");
        config.linux.namespaces = [...others, { type: "network", path: `/proc/${process.pid}/ns/net` }];
        config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      }),
    ).toContain(`the network namespace \`/proc/${process.pid}/ns/net\` is the host's`);
  });

  test("cgroupsPath is where the container is", async () => {
    const path = `${host.group}/its/own/place`;
    const bundle = host.bundle(["/payload", "sleep"], (config) => {
      config.linux.cgroupsPath = path;
    });
    await host.left(["run", "-d", "-b", bundle, "placed"]);
    const { pid } = await host.state("placed");
    const groups = readFileSync(`/proc/${String(pid)}/cgroup`, "utf8");
    expect(groups.split("\n").filter((line) => line.endsWith(`:${path}`)).length).toBeGreaterThan(0);
    await host.ok(["delete", "--force", "placed"]);
  });

  test("a mount's source may be a descriptor of the caller's, and a path from the bundle", async () => {
    const bundle = host.bundle(["/payload", "try", "read", "/from-descriptor"], (config) => {
      config.mounts = [
        ...(config.mounts ?? []),
        { destination: "/from-descriptor", type: "bind", source: "/proc/self/fd/9", options: ["bind", "ro"] },
        { destination: "/from-bundle", type: "bind", source: "beside", options: ["bind"] },
      ];
    });
    writeFileSync(`${host.directory}/opened`, "by its descriptor\n");
    writeFileSync(`${bundle}/beside`, "");
    const command = `exec 9< ${host.directory}/opened; exec ${host.runtime} --root ${host.root} run -b ${bundle} descriptor`;
    const result = await new RunningProgram("sh", ["-c", command]).done;
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toStartWith("by its descriptor\n");
  });

  test("netDevices, and a user namespace whose mappings the configuration does not repeat", async () => {
    const mapping = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
    const pod = host.bundle(["/payload", "sleep"], (config) => {
      config.linux.namespaces = [...(config.linux.namespaces ?? []), { type: "user" }];
      config.linux.uidMappings = mapping;
      config.linux.gidMappings = mapping;
    });
    await host.left(["run", "-d", "-b", pod, "pod"]);
    const { pid } = await host.state("pod");
    spawnSync("ip", ["link", "add", "wyte0", "type", "veth", "peer", "name", "wyte0p"]);
    spawnSync("ip", ["address", "add", "198.51.100.9/25", "dev", "wyte0"]);
    const member = host.bundle(["/payload", "sleep"], (config) => {
      const others = (config.linux.namespaces ?? []).filter(({ type }) => type !== "user");
      config.linux.namespaces = [...others, { type: "user", path: `/proc/${String(pid)}/ns/user` }];
      config.linux.netDevices = { wyte0: { name: "eth9" } };
    });
    await host.left(["run", "-d", "-b", member, "member"]);
    const { pid: inside } = await host.state("member");
    expect(
      readFileSync(`/proc/${String(inside)}/uid_map`, "utf8")
        .trim()
        .split(/\s+/),
    ).toEqual(["0", "200000", "65536"]);
    await poll("the interface to be in the container", () => readFileSync(`/proc/${String(inside)}/net/dev`, "utf8").includes("eth9:"));
    expect(readFileSync(`/proc/${String(inside)}/net/fib_trie`, "utf8")).toContain("198.51.100.9");
    expect(existsSync("/sys/class/net/wyte0")).toBe(false);
    for (const id of ["member", "pod"]) await host.ok(["delete", "--force", id]);
  });
});
