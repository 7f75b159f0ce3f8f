import { copyFileSync, linkSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { wherryProgram } from "./wherry-host.ts";

/** A copy of the built program in a directory of its own, for tests that try to destroy it. Returns the path of `wherry`. */
export function copyInstallation(directory: string): string {
  const from = dirname(wherryProgram);
  mkdirSync(directory, { recursive: true });
  for (const name of ["wherry", "launcher"]) copyFileSync(`${from}/${name}`, `${directory}/${name}`);
  try {
    // Large, and never a target: what runs in containers is the launcher.
    linkSync(`${from}/engine`, `${directory}/engine`);
  } catch {
    copyFileSync(`${from}/engine`, `${directory}/engine`);
  }
  return `${directory}/wherry`;
}
