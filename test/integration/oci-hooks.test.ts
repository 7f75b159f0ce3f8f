import { afterAll, beforeAll, describe, expect } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import { EngineError } from "../../src/core/engine-error.ts";
import type { OciHook, OciHooks } from "../../src/plan/oci-config.ts";
import type { ContainerState } from "../../src/plan/oci/container-state.ts";
import { ociExtensions } from "../../src/plan/oci/oci-extensions.ts";
import type { PlanInput } from "../../src/plan/plan-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("oci-hooks");
});

afterAll(async () => {
  await host.close();
});

function withHooks(hooks: OciHooks, script = "true", sample = "default"): PlanInput {
  const input = host.inputOf(sample, { script });
  return {
    ...input,
    config: { ...input.config, hooks, annotations: { "org.example.name": 'a "quoted" pid":1' } },
    identity: { id: "hooked", bundle: host.directory as HostPath },
    extensions: ociExtensions,
  };
}

/** A hook that appends what the script prints to a file of the host's. */
function hook(name: string, script: string): OciHook {
  const path = `${host.directory}/${name}`;
  writeFileSync(path, `#!/bin/sh\n{ ${script}; } >> ${host.directory}/${name}.out\n`);
  chmodSync(path, 0o755);
  return { path };
}

const said = (name: string): string => readFileSync(`${host.directory}/${name}.out`, "utf8");

async function failure(input: PlanInput): Promise<string> {
  const error = await host.runInput(input).catch((reason: unknown) => reason);
  return error instanceof EngineError ? `${error.code} ${JSON.stringify(error.details)}` : String(error);
}

describe("hooks", () => {
  test("get the state on their standard input, with the pid of the namespace that they run in", async () => {
    const read = "cat; echo";
    await host.runInput(
      withHooks({
        prestart: [hook("prestart", read)],
        createRuntime: [hook("createRuntime", `${read}; readlink /proc/self/ns/mnt; pwd`)],
        createContainer: [hook("createContainer", `${read}; echo mnt $(readlink /proc/self/ns/mnt); ls -d bin/busybox`)],
      }),
    );
    const [line = "", namespace, directory] = said("createRuntime").split("\n");
    expect(directory).toBe(host.directory);
    const state = JSON.parse(line) as ContainerState;
    expect(state).toEqual({
      ociVersion: "1.2.0",
      id: "hooked",
      status: "creating",
      pid: expect.any(Number) as number,
      bundle: host.directory,
      annotations: { "org.example.name": 'a "quoted" pid":1' },
    });
    expect(state.pid).toBeGreaterThan(1);
    expect(JSON.parse(said("prestart"))).toEqual(state);
    const [inside = "", mount = "", found] = said("createContainer").split("\n");
    expect(found).toBe("bin/busybox");
    expect(JSON.parse(inside)).toMatchObject({ pid: 1, status: "creating" });
    expect(mount).toStartWith("mnt mnt:[");
    expect(mount).not.toBe(`mnt ${namespace}`);
  });

  test("of the host find everything mounted in the container's mount namespace, and nothing running", async () => {
    await host.runInput(
      withHooks({
        createRuntime: [hook("mounts", "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); cat /proc/$pid/mountinfo; cat /proc/$pid/comm")],
      }),
    );
    expect(said("mounts")).toContain(" - mqueue mqueue ");
    expect(said("mounts")).toEndWith("\nlauncher\n");
  });

  test("of the host find a bundle's root where the configuration says, in the container's mount namespace", async () => {
    const script = "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); cut -d ' ' -f 5 /proc/$pid/mountinfo";
    await host.runInput(withHooks({ createRuntime: [hook("bundle", script)] }, "true", "bundle"));
    const places = said("bundle").split("\n");
    for (const place of ["", "/proc", "/dev/shm"]) expect(places).toContain(`${host.rootfs}${place}`);
  });

  test("run in the specified order, each with its own arguments and environment", async () => {
    const script = `echo "$0" "$*" "$ORDER" >> ${host.directory}/order`;
    const one = (name: string): OciHook => ({
      path: "/bin/sh",
      args: ["sh", "-c", script, name, "more"],
      env: [`ORDER=${name}`, "PATH=/bin:/usr/bin"],
    });
    await host.runInput(
      withHooks({ createContainer: [one("third"), one("fourth")], createRuntime: [one("second")], prestart: [one("first")] }),
    );
    expect(readFileSync(`${host.directory}/order`, "utf8")).toBe(
      "first more first\nsecond more second\nthird more third\nfourth more fourth\n",
    );
  });

  test("startContainer runs in the container, with its capabilities and filter only", async () => {
    const path = "/bin/sh";
    const script =
      "cat > /state; grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status > /rights; echo $$ >> /rights; ls /proc/self/fd | wc -l >> /rights";
    const output = await host.runInput(
      withHooks(
        { startContainer: [{ path, args: ["sh", "-c", script], env: ["PATH=/bin"] }] },
        "cat /state; echo; cat /rights; grep -E '^CapEff:' /proc/self/status",
      ),
    );
    const [state = "", effective, bounding, seccomp, pid, descriptors, own] = output.split("\n");
    expect(JSON.parse(state)).toMatchObject({ id: "hooked", status: "created", pid: 1 });
    expect(effective).toBe(own);
    expect(bounding?.split("\t")[1]).toBe(own?.split("\t")[1]);
    expect([seccomp, pid]).toEqual(["Seccomp:\t2", "2"]);
    // 0, 1, 2 and the one that ls reads the directory by.
    expect(descriptors).toBe("4");
  });

  test("run for a container with a user namespace, too", async () => {
    const output = await host.runInput(
      withHooks(
        {
          createRuntime: [hook("outside", "id -u")],
          createContainer: [
            { path: "/bin/sh", args: ["sh", "-c", `echo inside $(id -u) > ${host.directory}/dev-null-is-the-hosts || true`] },
          ],
          startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "/bin/busybox id -u > /uid"] }],
        },
        "cat /uid",
        "userns",
      ),
    );
    expect(said("outside")).toBe("0\n");
    expect(output).toBe("0\nstatus 0\n");
  });

  for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer"] as const) {
    test(`a failing ${kind} hook ends the start, and its words are told`, async () => {
      const text = await failure(withHooks({ [kind]: [{ path: "/bin/sh", args: ["sh", "-c", "echo sorry >&2; exit 3"] }] }, `touch /ran`));
      expect(text).toContain("LAUNCH_FAILED");
      expect(text).toContain("it exited with status 3: sorry");
    });
  }

  test("a hook that takes too long is killed, with all that it started", async () => {
    const begun = performance.now();
    const text = await failure(
      withHooks({
        createRuntime: [
          { path: "/bin/sh", args: ["sh", "-c", `echo started; sleep 100 & echo $! > ${host.directory}/sleeper; wait`], timeout: 1 },
        ],
      }),
    );
    expect(text).toContain("ended after 1000 ms: started");
    expect(performance.now() - begun).toBeLessThan(20_000);
    const sleeper = readFileSync(`${host.directory}/sleeper`, "utf8").trim();
    expect(existsSync(`/proc/${sleeper}`) && readFileSync(`/proc/${sleeper}/stat`, "utf8").includes(") S ")).toBe(false);
  });

  test("a hook that is not there fails with the reason", async () => {
    expect(await failure(withHooks({ createRuntime: [{ path: "/nonexistent" }] }))).toContain("status 127: No such file");
  });
});
