import type { Digest } from "../core/brands.ts";
import type { TransferEvent } from "./transfer-event.ts";

export type ProgressReport = (event: TransferEvent) => void;

/** The bytes of a layer as they come, told of to `report`. `digest`: what the layer is called there. */
export async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  layer: { readonly digest: Digest; readonly totalBytes: number },
  report: ProgressReport | undefined,
): AsyncGenerator<Uint8Array> {
  if (report === undefined) {
    yield* bytes;
    return;
  }
  let currentBytes = 0;
  report({ kind: "blob", ...layer, state: "loading", currentBytes });
  for await (const chunk of bytes) {
    currentBytes += chunk.length;
    report({ kind: "blob", ...layer, state: "loading", currentBytes });
    yield chunk;
  }
}
