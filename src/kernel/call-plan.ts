import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { launcherEnvironment } from "../core/fault-settings.ts";
import { EngineError } from "../core/engine-error.ts";
import { randomHex } from "../core/random.ts";
import { encodeFrame, FrameDecoder, frameTypes } from "./frames.ts";
import { launchError } from "./launcher-client.ts";
import { readProcessStat } from "./process-reference.ts";

/** After SIGKILL only the kernel can be in the way. */
const patienceMs = 10_000;

/**
 * Carries out a plan of host operations alone, in one synchronous call of the launcher (about 2 ms). Descriptor 3 is a file without a name in
 * the directory `scratch`: the plan stands in it, and the launcher writes its answer behind it.
 * @throws {EngineError} LAUNCH_FAILED with `details: { operation, errno, detail }`: what came before that operation is done; LAUNCHER_UNAVAILABLE.
 * @see docs/plan-protocol.md, section 3
 */
export function callPlan(launcher: string, plan: Uint8Array, scratch: HostPath): void {
  const path = `${scratch}/call-${randomHex(8)}`;
  const fd = openSync(path, "wx+", 0o600);
  try {
    rmSync(path);
    const request = encodeFrame(frameTypes.plan, plan);
    // At an explicit position: the launcher reads from the descriptor's own, which stays at the start.
    for (let at = 0; at < request.length; ) at += writeSync(fd, request, at, request.length - at, at);
    const { error, status, signal } = process.getBuiltinModule("node:child_process").spawnSync(launcher, ["plan", String(process.pid)], {
      stdio: ["ignore", "ignore", "ignore", fd],
      cwd: "/",
      env: launcherEnvironment(),
    });
    const reply = Buffer.alloc(fstatSync(fd).size - request.length);
    readSync(fd, reply, 0, reply.length, request.length);
    const [frame] = new FrameDecoder().push(reply);
    if (frame?.type === frameTypes.error) throw launchError(frame);
    if (frame?.type === frameTypes.done) return;
    throw new EngineError({
      kind: "unavailable",
      code: "LAUNCHER_UNAVAILABLE",
      message: `run the launcher \`${launcher}\`: ${error?.message ?? `it ended with ${signal ?? `status ${status}`} and no report`}`,
    });
  } finally {
    closeSync(fd);
  }
}

/**
 * Waits until no call's launcher is left whose client has died. The kernel kills it with its client, but the system call that it is in comes to
 * its end, and on a busy machine that may be later than somebody else has the client's lock. Looks at every process of the host.
 */
export function waitForOrphanedCalls(): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (const end = performance.now() + patienceMs; readdirSync("/proc").some(isOrphanedCall) && performance.now() < end; )
    Atomics.wait(clock, 0, 0, 1);
}

/** Its label is its client's pid; a container's has 64 digits. */
function isOrphanedCall(pid: string): boolean {
  if (!/^\d+$/.test(pid)) return false;
  try {
    const [, verb, label = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return verb === "plan" && /^\d{1,10}$/.test(label) && readProcessStat(Number(pid))?.parentPid !== Number(label);
  } catch {
    return false;
  }
}
