import { EngineError } from "../core/engine-error.ts";
import { existsSync } from "node:fs";
import { countChildren, listImages, listReferences, type ImageRow } from "../state/image-rows.ts";
import { listImageUsers } from "../state/image-users.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import { parseImage } from "./oci-image.ts";
import { type RemovedPart, removeImage } from "./remove-image.ts";
import { familiarReference } from "./reference.ts";
import { storedFiles } from "./stored-files.ts";

export interface ImagePruneOptions {
  /** Also those with a name. */
  readonly all?: boolean;
  /** Docker's: label, label!, until (RFC 3339), dangling. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

export interface ImagePruneReport {
  readonly removed: readonly RemovedPart[];
  /** Of the files that are gone, as they were on the disk. */
  readonly reclaimedBytes: number;
}

const filterNames = ["dangling", "label", "label!", "until"];

/**
 * Removes the images that no container has and no name stands for; with `all`, named ones as well. Those that began to be used meanwhile stay.
 * What crashed commands have left in the store goes, too, and is counted.
 * @throws {EngineError} INVALID_FILTER
 */
export async function pruneImages(host: ImageHost, options: ImagePruneOptions = {}): Promise<ImagePruneReport> {
  const filters = options.filters ?? {};
  for (const name of Object.keys(filters)) {
    if (!filterNames.includes(name)) throw invalidFilter(`invalid filter '${name}': one of ${filterNames.join(", ")} is meant`);
  }
  const all = filters["dangling"]?.some((value) => /^(0|false)$/i.test(value)) ?? options.all === true;
  const until = filters["until"]?.map(moment);
  const before = await storedFiles(host);
  const removed: RemovedPart[] = [];
  for (const row of listImages(host.store)) {
    if (!isUnused(host, row, all) || !matchesLabels(row, filters)) continue;
    if (until?.some((limit) => new Date(row.createdAt).getTime() >= limit) === true) continue;
    removed.push(...(await removeUnused(host, row)));
  }
  // Also when there was no image to remove: what crashed commands have left.
  await collectGarbage(host);
  let reclaimedBytes = 0;
  for (const [path, bytes] of before) if (!existsSync(path)) reclaimedBytes += bytes;
  return { removed, reclaimedBytes };
}

function isUnused({ store }: ImageHost, row: ImageRow, all: boolean): boolean {
  if (listImageUsers(store, row.id).length > 0) return false;
  const tagged = listReferences(store, row.id).some((reference) => !reference.includes("@"));
  // An untagged parent of another image is a part of that.
  return tagged ? all : countChildren(store, row.id) === 0;
}

/** By each of its names, as docker: the image goes with the last, unless a container was made of it meanwhile. */
async function removeUnused(host: ImageHost, row: ImageRow): Promise<RemovedPart[]> {
  const names = listReferences(host.store, row.id).map(familiarReference);
  const removed: RemovedPart[] = [];
  for (const name of names.length === 0 ? [row.id] : names) {
    try {
      removed.push(...(await removeImage(host, name)));
    } catch (error) {
      if (!(error instanceof EngineError) || (error.kind !== "conflict" && error.kind !== "notFound")) throw error;
    }
  }
  return removed;
}

function matchesLabels(row: ImageRow, filters: Readonly<Record<string, readonly string[]>>): boolean {
  const labels = parseImage(row.config).config?.Labels ?? {};
  const has = (wanted: string): boolean => {
    const equals = wanted.indexOf("=");
    const name = equals < 0 ? wanted : wanted.slice(0, equals);
    return Object.hasOwn(labels, name) && (equals < 0 || labels[name] === wanted.slice(equals + 1));
  };
  return (filters["label"] ?? []).every(has) && !(filters["label!"] ?? []).some(has);
}

function moment(value: string): number {
  const time = Date.parse(value);
  if (Number.isNaN(time)) throw invalidFilter(`invalid filter 'until=${value}': a time as RFC 3339 has it is meant`);
  return time;
}

function invalidFilter(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_FILTER", message });
}
