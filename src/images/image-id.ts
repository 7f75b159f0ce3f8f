import { createHash } from "node:crypto";
import type { ImageId } from "../core/brands.ts";

/** The id of an image: the digest of its configuration's bytes. */
export function imageIdOf(config: string): ImageId {
  return `sha256:${createHash("sha256").update(config).digest("hex")}` as ImageId;
}
