import { existsSync } from "node:fs";
import type { ContainerHost } from "../../src/containers/container-host.ts";
import { containerPaths } from "../../src/containers/container-paths.ts";
import type { ContainerId } from "../../src/core/brands.ts";
import { cgroupDirectory } from "../../src/core/cgroup-layout.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { findProcesses } from "./fault-host.ts";

const layout = detectCgroupLayout();

/** What exists of a container while it runs and not otherwise: its run directory, its cgroups, its monitor and whatever else has its id among its arguments. */
export function findRunTraces(host: ContainerHost, id: ContainerId): readonly string[] {
  const { run } = containerPaths(host.root, host.runRoot, id);
  const groups = layout.hierarchies.map((hierarchy) => cgroupDirectory(hierarchy, host.cgroups.path({ id, options: "" })));
  return [...[run, ...groups].filter((path) => existsSync(path)), ...findProcesses("plan", id).map((pid) => `process ${pid}`)];
}

/** Those, and its files. */
export function findTraces(host: ContainerHost, id: ContainerId): readonly string[] {
  const { directory } = containerPaths(host.root, host.runRoot, id);
  return [...findRunTraces(host, id), ...(existsSync(directory) ? [directory] : [])];
}
