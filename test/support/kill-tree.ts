import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** SIGKILL to a process and all beneath it, until there are none. Those that have left the tree, as containers have, stay. */
export function killTree(pid: number): void {
  const doomed = new Set<number>();
  for (let found = treeOf(pid); found.some((one) => !doomed.has(one)); found = treeOf(pid)) {
    for (const one of found) {
      doomed.add(one);
      kill(one);
    }
  }
}

/** SIGKILL to the engine alone; what it has started goes on. */
export function killEngine(pid: number): void {
  for (const one of treeOf(pid)) if (programOf(one).endsWith("/engine")) kill(one);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** The process and its descendants. Of those that end meanwhile, some are missing. */
function treeOf(pid: number): readonly number[] {
  const children = attempt(() => readdirSync(`/proc/${pid}/task`), []).flatMap((thread) =>
    attempt(() => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"), "")
      .split(" ")
      .filter((word) => word !== "")
      .map(Number),
  );
  return [pid, ...children.flatMap(treeOf)];
}

function programOf(pid: number): string {
  return attempt(() => readlinkSync(`/proc/${pid}/exe`), "");
}

function attempt<Result>(read: () => Result, otherwise: Result): Result {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
