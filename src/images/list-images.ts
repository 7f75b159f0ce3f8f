import { matchesGlob } from "node:path";
import { EngineError } from "../core/engine-error.ts";
import { countContainersOfImage } from "../state/container-table.ts";
import { countChildren, type ImageRow, listImages, listReferences } from "../state/image-rows.ts";
import type { Store } from "../state/store.ts";
import type { ImageSummary } from "./image-view.ts";
import { parseImage } from "./oci-image.ts";
import { familiarReference } from "./reference.ts";
import { findImage } from "./resolve-image.ts";

const filterNames = ["dangling", "reference", "label", "before", "since", "until"];

/**
 * Newest first. Untagged images that others were made from show only with `all`. Filters are Docker's: dangling, reference,
 * label, before, since, until.
 * @throws {EngineError} INVALID_FILTER, IMAGE_NOT_FOUND
 */
export function listImageSummaries(
  store: Store,
  options: { readonly all?: boolean; readonly filters?: Readonly<Record<string, readonly string[]>> },
): ImageSummary[] {
  const filters = options.filters ?? {};
  for (const name of Object.keys(filters)) {
    if (!filterNames.includes(name)) throw invalidFilter(`invalid filter '${name}'`);
  }
  const before = filters["before"]?.map((reference) => createdAt(store, reference));
  const since = filters["since"]?.map((reference) => createdAt(store, reference));
  const until = filters["until"]?.map(untilMs);
  const summaries: ImageSummary[] = [];
  for (const row of listImages(store)) {
    const summary = summarizeImage(store, row);
    const dangling = summary.references.length === 0;
    const nameless = dangling && summary.repoDigests.length === 0;
    if (nameless && options.all !== true && filters["dangling"] === undefined && countChildren(store, row.id) > 0) continue;
    if (filters["dangling"]?.some((value) => (isTrue(value) ? !dangling : nameless)) === true) continue;
    if (filters["label"]?.every((label) => hasLabel(summary.labels, label)) === false) continue;
    const time = summary.createdAt.getTime();
    if (before?.some((limit) => time >= limit) === true || since?.some((limit) => time <= limit) === true) continue;
    if (until?.some((limit) => time >= limit) === true) continue;
    const patterns = filters["reference"];
    if (patterns === undefined) {
      summaries.push(summary);
      continue;
    }
    const matching = (names: readonly string[]) => names.filter((name) => patterns.some((pattern) => matchesReference(name, pattern)));
    const [references, repoDigests] = [matching(summary.references), matching(summary.repoDigests)];
    if (references.length + repoDigests.length > 0) summaries.push({ ...summary, references, repoDigests });
  }
  return summaries;
}

export function summarizeImage(store: Store, row: ImageRow): ImageSummary {
  const names = listReferences(store, row.id).map(familiarReference);
  return {
    id: row.id,
    references: names.filter((name) => !name.includes("@")),
    repoDigests: names.filter((name) => name.includes("@")),
    createdAt: new Date(row.createdAt),
    sizeBytes: row.sizeBytes,
    labels: parseImage(row.config).config?.Labels ?? {},
    containers: countContainersOfImage(store, row.id),
  };
}

function createdAt(store: Store, reference: string): number {
  return new Date(findImage(store, reference).createdAt).getTime();
}

/** A pattern without a tag means any tag, as in Docker. */
function matchesReference(reference: string, pattern: string): boolean {
  const repository = reference.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
  return matchesGlob(reference, pattern) || matchesGlob(repository, pattern);
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const name = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, name) && (equals < 0 || labels[name] === wanted.slice(equals + 1));
}

function isTrue(value: string): boolean {
  if (/^(1|true)$/i.test(value)) return true;
  if (/^(0|false)$/i.test(value)) return false;
  throw invalidFilter(`invalid filter 'dangling=[${value}]'`);
}

function untilMs(value: string): number {
  const time = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (Number.isNaN(time)) throw invalidFilter(`invalid filter 'until=[${value}]': give a time (RFC 3339) or seconds since 1970`);
  return time;
}

function invalidFilter(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_FILTER", message });
}
