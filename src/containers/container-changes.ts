import { decodeText } from "../core/byte-string.ts";
import { diffLayers } from "../layers/diff.ts";
import { idRangeSize } from "../spec/build-config.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { findIdRange } from "./id-range.ts";
import { containerLayers } from "./root-filesystem.ts";

export interface ContainerChange {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
}

/** What the container has changed of its image, parents first, as docker lists it. */
export async function containerChanges(host: ContainerHost, row: ContainerRow): Promise<readonly ContainerChange[]> {
  const idBase = findIdRange(host.store, row.id);
  const { upper, lowers } = containerLayers(host, row, idBase);
  const changes = await diffLayers(host.launcher, {
    upper,
    lowers,
    ...(idBase === null ? {} : { uidShift: { from: idBase, count: idRangeSize } }),
  });
  // As docker: a directory in which something came and went again has not changed. What it holds follows it at once.
  const told = changes.filter((change, at) => {
    const isParent = changes[at + 1]?.path.startsWith(`${change.path}/`) === true;
    return change.kind === "deleted" || !change.timeOnly || isParent;
  });
  return told.map(({ path, kind }) => ({ path: `/${decodeText(path)}`, kind }));
}
