import { EngineError } from "../core/engine-error.ts";
import { mediaKindOf } from "./media-types.ts";
import type { IndexEntry, OciIndex } from "./parse-manifest.ts";
import { formatPlatform, isSamePlatform, type Platform, runnablePlatforms } from "./platform.ts";

/**
 * The image of an index that fits the platform best, by docker's rules: the very platform, else the nearest older variant, else the
 * 32-bit kind. An image that does not say its platform fits when none that says so does. Attestations never do.
 * @throws {EngineError} PLATFORM_NOT_FOUND, which lists what is there
 */
export function selectPlatform(index: OciIndex, platform: Platform): IndexEntry {
  const images = index.manifests.filter(({ mediaType }) => mediaKindOf(mediaType) !== undefined);
  for (const fitting of runnablePlatforms(platform)) {
    const found = images.find((entry) => entry.platform !== undefined && isSamePlatform(entry.platform, fitting));
    if (found !== undefined) return found;
  }
  const unnamed = images.find((entry) => entry.platform === undefined);
  if (unnamed !== undefined) return unnamed;
  const known = images.flatMap((entry) =>
    entry.platform === undefined || entry.platform.os === "unknown" ? [] : formatPlatform(entry.platform),
  );
  throw new EngineError({
    kind: "notFound",
    code: "PLATFORM_NOT_FOUND",
    message: `no matching manifest for ${formatPlatform(platform)} in the image index${known.length === 0 ? "" : `; there are ${known.slice(0, 30).join(", ")}`}`,
  });
}
