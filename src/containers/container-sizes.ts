import { closeSync, constants, openSync } from "node:fs";
import type { ByteString } from "../core/byte-string.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { treeFd } from "../kernel/tree-records.ts";
import { getImage } from "../state/image-rows.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import type { ContainerSummary } from "./container-view.ts";

/** Adds what the container has written (bytes of its regular files, hard links once), and that with its image's size. */
export async function withSizes<Summary extends ContainerSummary>(host: ContainerHost, container: Summary): Promise<Summary> {
  const sizeRwBytes = await writtenBytes(host, container);
  return { ...container, sizeRwBytes, sizeRootFsBytes: sizeRwBytes + (getImage(host.store, container.imageId)?.sizeBytes ?? 0) };
}

async function writtenBytes(host: ContainerHost, container: ContainerSummary): Promise<number> {
  const fd = openSync(containerPaths(host.root, host.runRoot, container.id).upper, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await using session = new TreeSession(host.launcher, [fd]);
    const seen = new Set<string>();
    let bytes = 0;
    await session.walk(
      treeFd(0),
      "." as ByteString,
      (entry) => {
        const key = `${entry.device}:${entry.inode}`;
        if (entry.type !== "file" || seen.has(key)) return;
        if (entry.links > 1) seen.add(key);
        bytes += entry.size;
      },
      { missingOk: true },
    );
    return bytes;
  } finally {
    closeSync(fd);
  }
}
