import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "apparmor", "apparmor-parser", "binary", "payload", "overlayfs");

const host = useWherryHost("apparmor", { payload: true });
const label = ["try", "read", "/proc/self/attr/current"];
const run = (...options: readonly string[]) => host.ok(["run", "--rm", "--network", "none", ...options]);
const confined = "wherry-default (enforce)\nok";

test("a container runs under wherry-default, its exec too, and can't mount though it has the capability", async () => {
  expect(await run("payload", ...label)).toBe(confined);
  expect(readFileSync("/sys/kernel/security/apparmor/profiles", "utf8")).toContain("wherry-default (enforce)\n");
  const privileged = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"];
  const id = await host.ok(["run", "-d", "--network", "none", ...privileged, "payload", "sleep"]);
  expect(await host.ok(["exec", id, "/payload", ...label])).toBe(confined);
  expect((await host.wherry(["exec", id, "/payload", "try", "mount", "tmpfs", "/tmp"])).stdout).toBe("EACCES\n");
  expect(await host.ok(["inspect", "--format", "{{.AppArmorProfile}}", id])).toBe("wherry-default");
  await host.ok(["stop", "-t", "1", id]);
});

test("PID 1 of --init is confined as well", async () => {
  expect(await run("--init", "payload", ...label)).toBe(confined);
  expect(await run("--init", "payload", "try", "read", "/proc/1/attr/current")).toBe(confined);
  expect(await run("--init", "--security-opt", "no-new-privileges", "payload", ...label)).toBe(confined);
});

/** Of a process, from its status file; empty when there is none. */
function status(pid: number | string, field: string): string {
  try {
    return new RegExp(`^${field}:\\s*(\\S+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}

// A change of the profile by exec clears the parent-death signal (apparmor_bprm_committing_creds()).
test("confined processes die with their monitors, without any command of ours", async () => {
  const id = await host.ok(["run", "-d", "--network", "none", "-u", "1000", "payload", "sleep"]);
  const exec = host.start(["exec", id, "/payload", "sleep"]);
  await poll("the exec to run", () => {
    if (exec.child.exitCode !== null) throw new Error(exec.stderr);
    return exec.stdout.includes("ready");
  });
  const pid = await host.ok(["inspect", "--format", "{{.State.Pid}}", id]);
  const pids = (await host.ok(["top", id]))
    .split("\n")
    .slice(1)
    .map((line) => line.split(/ +/)[1] ?? "");
  expect(pids).toHaveLength(2);
  const other = pids.find((candidate) => candidate !== pid) ?? "";
  for (const victim of [other, pid]) {
    expect(status(victim, "State")).not.toBe("");
    process.kill(Number(status(victim, "PPid")), "SIGKILL");
    await poll(`${victim} to be dead`, () => ["", "Z", "X"].includes(status(victim, "State")));
  }
  expect((await exec.done).code).toBe(255);
  await host.ok(["rm", "-f", id]);
});

test("apparmor=unconfined and --privileged lift it", async () => {
  expect(await run("--security-opt", "apparmor=unconfined", "payload", ...label)).toBe("unconfined\nok");
  expect(await run("--privileged", "payload", ...label)).toBe("unconfined\nok");
  const bare = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"];
  expect(await run(...bare, "payload", "try", "mount", "tmpfs", "/tmp")).toBe("ok");
});

test("a profile that is not loaded is an error, before anything is made", async () => {
  const { code, stderr } = await host.wherry(["run", "--security-opt", "apparmor=nosuch", "payload", ...label]);
  expect(code).toBe(125);
  expect(stderr).toBe(
    "wherry: --security-opt apparmor=nosuch: no such profile is loaded; load it with apparmor_parser (aa-status lists those that are)\n",
  );
  expect(await host.ok(["ps", "-aq", "--filter", "status=created"])).toBe("");
});

test("the profile comes back when somebody has unloaded it", async () => {
  const removed = spawnSync("apparmor_parser", ["--remove"], { input: "profile wherry-default {}\n", encoding: "utf8" });
  expect(removed).toMatchObject({ status: 0 });
  expect(await run("payload", ...label)).toBe(confined);
});
