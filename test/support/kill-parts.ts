import { isAlive } from "../../src/kernel/process-reference.ts";
import type { ContainerRow } from "../../src/state/container-row.ts";
import { poll } from "./poll.ts";

/** SIGKILL to the container's process and its monitor, in the order given; resolves when they are dead, which is not at once. */
export async function killParts(found: ContainerRow, ...parts: readonly ("monitor" | "init")[]): Promise<void> {
  const processes = parts.map((part) =>
    part === "monitor" ? { pid: found.monitorPid, startTime: found.monitorStart } : { pid: found.pid, startTime: found.pidStart },
  );
  for (const { pid } of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // The monitor's death takes the container along at once.
    }
  }
  await poll("the killed to be dead", () => !processes.some((process) => isAlive(process)), { intervalMs: 1 });
}
