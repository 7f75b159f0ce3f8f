import type { ContainerId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { diskUsage } from "../kernel/disk-usage.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { listContainers } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { reconcile } from "./reconcile.ts";
import { removeStopped } from "./remove-container.ts";

export interface ContainerPruneReport {
  readonly deleted: readonly ContainerId[];
  /** Of the files that are gone, as they were on the disk. */
  readonly reclaimedBytes: number;
}

type Filters = Readonly<Record<string, readonly string[]>>;

const filterNames = ["label", "label!", "until"];

/**
 * Removes the containers that do not run (created, exited) and match the filters: label and label! (all of them), until (RFC 3339: created
 * before). One that is started meanwhile stays. Volumes stay.
 * @throws {EngineError} INVALID_FILTER
 */
export async function pruneContainers(host: ContainerHost, filters: Filters = {}): Promise<ContainerPruneReport> {
  checkFilters(filters);
  const deleted: ContainerId[] = [];
  let reclaimedBytes = 0;
  for (const { id } of listContainers(host.store)) {
    const row = await reconcile(host, id);
    if (row === undefined || (row.status !== "created" && row.status !== "exited") || !matches(row, filters)) continue;
    const { directory } = containerPaths(host.root, host.runRoot, id);
    const bytes = (await diskUsage(host.launcher, [directory])).get(directory) ?? 0;
    if (!(await removeStopped(host, row))) continue;
    deleted.push(id);
    reclaimedBytes += bytes;
  }
  return { deleted, reclaimedBytes };
}

function checkFilters(filters: Filters): void {
  for (const name of Object.keys(filters)) {
    if (!filterNames.includes(name)) throw invalidFilter(`invalid filter '${name}': one of ${filterNames.join(", ")} is meant`);
  }
  for (const value of filters["until"] ?? []) {
    if (Number.isNaN(Date.parse(value))) throw invalidFilter(`invalid filter 'until=${value}': a time is meant`);
  }
}

function matches(row: ContainerRow, filters: Filters): boolean {
  const { labels } = JSON.parse(row.process) as { readonly labels: Readonly<Record<string, string>> };
  const has = (wanted: string): boolean => {
    const [name = "", value] = wanted.split(/=(.*)/s, 2);
    return Object.hasOwn(labels, name) && (value === undefined || labels[name] === value);
  };
  const created = Date.parse(row.createdAt);
  const old = (filters["until"] ?? []).every((limit) => created < Date.parse(limit));
  return old && (filters["label"] ?? []).every(has) && !(filters["label!"] ?? []).some(has);
}

function invalidFilter(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_FILTER", message });
}
