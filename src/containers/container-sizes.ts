import { diskUsage } from "../kernel/disk-usage.ts";
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
  const { upper } = containerPaths(host.root, host.runRoot, container.id);
  return (await diskUsage(host.launcher, [upper], ({ type, size }) => (type === "file" ? size : 0))).get(upper) ?? 0;
}
