import { readdirSync } from "node:fs";

/** The ids of the exec sessions that have a run directory of their own in the container's. */
export function listExecs(runDirectory: string): string[] {
  try {
    return readdirSync(`${runDirectory}/exec`);
  } catch {
    return [];
  }
}
