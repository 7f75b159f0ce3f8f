import { statSync } from "node:fs";
import { listDroppedBlobs } from "../state/dropped-blobs.ts";
import type { ImageHost } from "./image-host.ts";

/**
 * Inside a transaction: the files of blobs that are recorded as dropped, but for those that somebody reads. In one after that which records
 * them: a crash leaves a file too many for the next garbage collection, never a blob that nobody knows where to get. The bytes they had.
 */
export function removeDropped({ store, content }: ImageHost): number {
  let bytes = 0;
  for (const digest of listDroppedBlobs(store)) {
    const stat = statSync(content.path(digest), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    content.remove(digest);
    bytes += stat.blocks * 512;
  }
  return bytes;
}
