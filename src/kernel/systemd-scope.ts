import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { callerRights } from "./caller-rights.ts";

export interface ScopeRequest {
  /** `PREFIX-NAME.scope`. */
  readonly unit: string;
  readonly slice: string;
  readonly description: string;
  /** The cgroup that it will have, from the hierarchy's mount point. */
  readonly path: string;
  readonly properties: readonly { readonly name: string; readonly type: string; readonly value: string }[];
  /** Stands in the scope until the container's process does. */
  readonly launcher: string;
}

const PATIENCE_MS = 10_000;

const manager = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"];
const managerCall = ["--quiet", "call", ...manager];

/** Somebody who is not root has a manager of his own, which he finds by XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS. @see busctl(1) */
function ofCaller(args: readonly string[]): readonly string[] {
  return callerRights() === "root" ? args : ["--user", ...args];
}

/**
 * The group beneath which the caller's manager has its units, from the hierarchy's mount point: empty for root's, which has them all.
 * @throws {EngineError} CGROUP_SETUP_FAILED
 */
export function managerGroup(): string {
  if (callerRights() === "root") return "";
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const result = spawnSync("busctl", ofCaller(["get-property", ...manager, "ControlGroup"]), { encoding: "utf8" });
  const [, path] = /^s "(\/[^"]*)"$/.exec((result.stdout ?? "").trim()) ?? [];
  if (path !== undefined) return path;
  throw setupFailed("user manager", result.error?.message ?? result.stderr.trim());
}

/**
 * Has systemd make a scope, whose cgroup is delegated to us, and keeps it alive with a process that does nothing. A scope ends with its last
 * process: dispose of the result once the container's first one is in it.
 * @throws {EngineError} CGROUP_SETUP_FAILED
 * @see org.freedesktop.systemd1(5) StartTransientUnit(), systemd.scope(5)
 */
export function startScope(request: ScopeRequest): Disposable {
  const { spawn, spawnSync } = process.getBuiltinModule("node:child_process");
  // It waits for tree operations, which never come, until its socket is closed.
  const keeper = spawn(request.launcher, ["tree"], { stdio: ["ignore", "ignore", "ignore", "pipe"], cwd: "/", env: {} });
  const end = () => endKeeper(keeper);
  const properties = [
    { name: "Description", type: "s", value: request.description },
    { name: "Slice", type: "s", value: request.slice },
    { name: "Delegate", type: "b", value: "true" },
    { name: "DefaultDependencies", type: "b", value: "false" },
    // Else one that ended by a signal would stay as failed, and its name with it.
    { name: "CollectMode", type: "s", value: "inactive-or-failed" },
    ...request.properties,
  ];
  const call = [
    ...managerCall,
    "StartTransientUnit",
    "ssa(sv)a(sa(sv))",
    request.unit,
    "replace",
    String(properties.length + 1),
    ...properties.flatMap(({ name, type, value }) => [name, type, value]),
    "PIDs",
    "au",
    "1",
    String(keeper.pid ?? 0),
    "0",
  ];
  const result = spawnSync("busctl", ofCaller(call), { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (result.status !== 0) {
    end();
    throw setupFailed(request.unit, result.error?.message ?? result.stderr.trim());
  }
  if (!waitUntilInside(keeper.pid ?? 0, request.path)) {
    end();
    throw setupFailed(request.unit, "systemd has taken the job, but the group did not appear");
  }
  return { [Symbol.dispose]: end };
}

/**
 * Changes a unit's limits until it ends. Without this systemd would write the old ones again when it reloads.
 * @throws {EngineError} CGROUP_UPDATE_FAILED
 */
export function setScopeProperties(unit: string, properties: ScopeRequest["properties"]): void {
  if (properties.length === 0) return;
  const call = [...managerCall, "SetUnitProperties", "sba(sv)", unit, "true", String(properties.length)];
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const result = spawnSync("busctl", ofCaller([...call, ...properties.flatMap(({ name, type, value }) => [name, type, value])]), {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (result.status === 0) return;
  throw new EngineError({
    kind: "failedPrecondition",
    code: "CGROUP_UPDATE_FAILED",
    message: `set the limits of the systemd unit \`${unit}\`: ${result.error?.message ?? result.stderr.trim()}`,
  });
}

/** systemd moves it there by a job of its own, soon. */
function waitUntilInside(pid: number, path: string): boolean {
  const end = performance.now() + PATIENCE_MS;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let wait = 1; performance.now() < end; wait = Math.min(wait * 2, 20)) {
    try {
      if (
        readFileSync(`/proc/${pid}/cgroup`, "utf8")
          .split("\n")
          .some((line) => line.endsWith(`:${path}`))
      )
        return true;
    } catch {
      return false;
    }
    Atomics.wait(clock, 0, 0, wait);
  }
  return false;
}

function endKeeper(keeper: ChildProcess): void {
  keeper.stdio[3]?.destroy();
  keeper.kill("SIGKILL");
  keeper.unref();
}

function setupFailed(unit: string, reason: string): EngineError {
  return new EngineError({
    kind: "failedPrecondition",
    code: "CGROUP_SETUP_FAILED",
    message: `start the systemd unit \`${unit}\` for a container: ${reason}`,
  });
}
