import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { poll } from "./poll.ts";

/** The control group that an engine of a test's own is told to use, by the test's directory: `/wherry-test-TOPIC-x1y2z3`. */
export function testCgroup(directory: string): string {
  return `/wherry-test-${directory.slice(directory.lastIndexOf("/") + 1)}`;
}

/** Removes it and what is beneath from every hierarchy, as soon as its processes have gone. */
export async function removeTestCgroup(group: string): Promise<void> {
  const directories = detectCgroupLayout({ systemdDirectory: "/" }).hierarchies.map(({ mountPoint }) => `${mountPoint}${group}`);
  // systemd's own, which engines use as well.
  directories.push(`/sys/fs/cgroup/systemd${group}`);
  await poll("the cgroups to be empty", () => {
    for (const directory of directories) removeGroup(directory);
    return directories.every((directory) => !existsSync(directory));
  });
}

function removeGroup(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeGroup(`${directory}/${entry.name}`);
  try {
    rmdirSync(directory);
  } catch {
    // Still busy: asked again.
  }
}
