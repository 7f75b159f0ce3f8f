import type { ByteString } from "../core/byte-string.ts";
import { packTree } from "../layers/pack-tree.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { openContainerTree } from "./container-tree.ts";

/**
 * The container's root file system as a tar, streamed: its image's layers and its own changes merged, without what is mounted on it (mount
 * points are empty). To be read to its end, or its iterator returned.
 * @throws {EngineError} CONTAINER_NOT_FOUND, LAUNCH_FAILED, TREE_FAILED
 */
export async function* exportContainer(host: ContainerHost, row: ContainerRow): AsyncGenerator<Uint8Array> {
  await using tree = await openContainerTree(host, row, { alone: true });
  const { session, root, shift } = tree;
  yield* packTree({ session, root, path: "." as ByteString, name: "" as ByteString, ...(shift === undefined ? {} : { shift }) });
}
