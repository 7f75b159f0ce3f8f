import { EngineError } from "../core/engine-error.ts";
import { findImagesByPrefix, getImageByManifest, getImageByReference, type ImageRow } from "../state/image-rows.ts";
import type { Store } from "../state/store.ts";
import { hostArchitecture, parseImage, toImageConfig } from "./oci-image.ts";
import { canonicalReference, type ImageReference, parseReference } from "./reference.ts";
import type { RunnableImage } from "./runnable-image.ts";

/** One or two queries: the image that a container is to be made from. @throws {EngineError} IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, INVALID_REFERENCE */
export function resolveImage(store: Store, reference: string): RunnableImage {
  const row = findImage(store, reference);
  const { config, ...image } = parseImage(row.config);
  const own = hostArchitecture();
  const [os, architecture] = [image.os || "linux", image.architecture || own];
  const variant = image.variant === undefined || image.variant === "" ? "" : `/${image.variant}`;
  return {
    id: row.id,
    config: toImageConfig(config),
    diffIds: row.layers,
    passwd: row.passwd,
    group: row.group,
    ...(os === "linux" && architecture === own ? {} : { foreignPlatform: `${os}/${architecture}${variant}` }),
  };
}

/**
 * The one image that `reference` means: a name with tag (default `latest`) or digest, else an id (`sha256:…` or digits) or a
 * unique prefix of one.
 * @throws {EngineError} IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, INVALID_REFERENCE
 */
export function findImage(store: Store, reference: string): ImageRow {
  const digits = reference.startsWith("sha256:") ? reference.slice(7) : reference;
  const isDigits = /^[0-9a-f]{1,64}$/.test(digits);
  if (!isDigits || (digits === reference && digits.length < 64)) {
    const parsed = tryParse(reference, isDigits);
    const named = parsed === undefined ? undefined : findNamed(store, parsed);
    if (named !== undefined) return named;
  }
  if (isDigits) {
    const [first, second] = findImagesByPrefix(store, digits);
    if (second !== undefined) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "IMAGE_AMBIGUOUS",
        message: `ambiguous image id prefix: ${reference}; give more digits`,
      });
    }
    if (first !== undefined) return first;
  }
  throw imageNotFound(reference);
}

export function imageNotFound(reference: string): EngineError {
  const shown =
    /[:@]/.test(reference.slice(reference.lastIndexOf("/") + 1)) || /^[0-9a-f]{12,64}$/.test(reference) ? reference : `${reference}:latest`;
  return new EngineError({ kind: "notFound", code: "IMAGE_NOT_FOUND", message: `No such image: ${shown}` });
}

function findNamed(store: Store, parsed: ImageReference): ImageRow | undefined {
  if (parsed.digest !== undefined) return getImageByManifest(store, parsed.digest);
  return getImageByReference(store, canonicalReference(parsed));
}

function tryParse(reference: string, mayFail: boolean): ImageReference | undefined {
  try {
    return parseReference(reference);
  } catch (error) {
    if (mayFail) return undefined;
    throw error;
  }
}
