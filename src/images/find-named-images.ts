import { getImage, type ImageRow, listRepository } from "../state/image-rows.ts";
import type { Store } from "../state/store.ts";
import { canonicalReference, type ImageReference, parseReference } from "./reference.ts";
import { findImage } from "./resolve-image.ts";

export interface NamedImage {
  readonly image: ImageRow;
  /** The canonical reference by which it was asked for; undefined for an id or a digest. */
  readonly canonical: string | undefined;
}

/**
 * What a user names to save or push: a name with tag or digest, an id, or a repository, which means all of its tags, as docker does.
 * @throws {EngineError} IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, INVALID_REFERENCE
 */
export function findNamedImages(store: Store, reference: string): NamedImage[] {
  const parsed = tryParse(reference);
  if (parsed !== undefined && isNameOnly(reference)) {
    const repository = canonicalReference({ ...parsed, tag: undefined });
    const tags = listRepository(store, repository).flatMap(({ reference: canonical, image }): NamedImage[] => {
      const row = canonical.includes("@") ? undefined : getImage(store, image);
      return row === undefined ? [] : [{ image: row, canonical }];
    });
    if (tags.length > 0) return tags;
  }
  const image = findImage(store, reference);
  const isName = parsed !== undefined && parsed.digest === undefined && !image.id.slice("sha256:".length).startsWith(reference);
  return [{ image, canonical: isName ? canonicalReference(parsed) : undefined }];
}

function isNameOnly(reference: string): boolean {
  return !reference.includes("@") && reference.lastIndexOf(":") <= reference.lastIndexOf("/");
}

/** An id (`sha256:…`) is no reference. */
function tryParse(reference: string): ImageReference | undefined {
  if (/^sha256:[0-9a-f]{1,64}$/.test(reference) || /^[0-9a-f]{64}$/.test(reference)) return undefined;
  return parseReference(reference);
}
