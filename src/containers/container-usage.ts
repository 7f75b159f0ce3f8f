import type { HostPath } from "../core/brands.ts";
import { diskUsage } from "../kernel/disk-usage.ts";
import { listContainers } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { summarize } from "./container-summary.ts";
import type { ContainerSummary } from "./container-view.ts";
import { reconcile } from "./reconcile.ts";

export interface ContainerUsage extends ContainerSummary {
  /** Of its own files: read-write layer, log, and what Wherry keeps beside them. */
  readonly diskBytes: number;
}

/** What the containers take on the disk at this moment, measured. */
export async function containersUsage(host: ContainerHost): Promise<ContainerUsage[]> {
  const found: ContainerSummary[] = [];
  for (const { id } of listContainers(host.store)) {
    const row = await reconcile(host, id);
    if (row !== undefined) found.push(summarize(row, host.root));
  }
  const directoryOf = ({ id }: ContainerSummary): HostPath => containerPaths(host.root, host.runRoot, id).directory;
  const bytes = await diskUsage(host.launcher, found.map(directoryOf));
  return found.map((container) => ({ ...container, diskBytes: bytes.get(directoryOf(container)) ?? 0 }));
}
