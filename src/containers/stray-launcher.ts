import { readdirSync, readFileSync } from "node:fs";
import { delay } from "../core/delay.ts";
import type { ContainerId } from "../core/brands.ts";
import { isAlive, type ProcessReference, readProcessStat } from "../kernel/process-reference.ts";
import { sendSignal } from "../kernel/send-signal.ts";
import type { ContainerHost } from "./container-host.ts";

const sigkill = 9;
/** After SIGKILL only the kernel can be in the way. */
const patienceMs = 10_000;

/**
 * Ends the launchers and monitors that name this container, and waits until they are gone: of a client that died, one may be stopped, or
 * slow, and still hold the root file system when the container is started again. Looks at every process of the host, since one that has just
 * begun is still in its client's cgroup: not for a path that is to be fast.
 */
export async function killLaunchers(host: ContainerHost, id: ContainerId): Promise<void> {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const found = pids.flatMap((pid) => launcherOf(id, Number(pid)) ?? []);
  for (const launcher of found) sendSignal(host.launcher, launcher, sigkill);
  const end = performance.now() + patienceMs;
  while (found.some((launcher) => isAlive(launcher)) && performance.now() < end) await delay(1);
}

/** The arguments are read after the start time: what has them then, with that pid, is that process or a later one that is no less ours. */
function launcherOf(id: ContainerId, pid: number): ProcessReference | undefined {
  const stat = readProcessStat(pid);
  if (stat === null) return undefined;
  let argv: readonly string[];
  try {
    argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return undefined;
  }
  return argv[1] === "plan" && argv[2] === id ? { pid, startTime: stat.startTime } : undefined;
}
