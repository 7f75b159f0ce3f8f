import { resolveImage } from "../images/resolve-image.ts";
import { listContainers } from "../state/container-table.ts";
import { checkFilters, matchesFilters } from "./container-filter.ts";
import type { ContainerHost } from "./container-host.ts";
import { withSizes } from "./container-sizes.ts";
import { summarize } from "./container-summary.ts";
import type { ContainerSummary } from "./container-view.ts";
import { reconcile } from "./reconcile.ts";

/**
 * The containers, newest first, as they are now: those that run, others too with `all`, `limit` or a filter for a state.
 * @throws {EngineError} INVALID_OPTION for a filter.
 */
export async function listSummaries(
  host: ContainerHost,
  options: {
    readonly all?: boolean;
    readonly limit?: number;
    readonly size?: boolean;
    readonly filters?: Readonly<Record<string, readonly string[]>>;
  },
): Promise<readonly ContainerSummary[]> {
  const { filters = {}, limit = 0 } = options;
  checkFilters(filters);
  const all: ContainerSummary[] = [];
  for (const { id } of listContainers(host.store)) {
    const row = await reconcile(host, id);
    if (row !== undefined) all.push(summarize(row, host.root));
  }
  const live = (container: ContainerSummary) => container.status === "running" || container.status === "paused";
  const everything = options.all === true || options.limit !== undefined || "status" in filters || "exited" in filters;
  const isAncestor = (container: ContainerSummary, image: string) => {
    try {
      return container.image === image || container.imageId === resolveImage(host.store, image).id;
    } catch {
      return false;
    }
  };
  const found = all.filter((container) => (everything || live(container)) && matchesFilters(container, filters, { all, isAncestor }));
  const limited = limit > 0 ? found.slice(0, limit) : found;
  return options.size === true ? Promise.all(limited.map((container) => withSizes(host, container))) : limited;
}
