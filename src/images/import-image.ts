import type { ImageId } from "../core/brands.ts";
import { timestampNow } from "../core/timestamp.ts";
import { applyChanges } from "./changes/apply-changes.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import { ingestLayer } from "./ingest-layer.ts";
import { hostArchitecture, type OciImageConfig } from "./oci-image.ts";
import { parseReference } from "./reference.ts";
import { storeImage } from "./store-image.ts";

export interface ImportOptions {
  readonly reference?: string;
  readonly message?: string;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  /** `os/architecture[/variant]`; the host's when absent. */
  readonly platform?: string;
  /** RFC 3339; now when absent. Given, two imports of one archive make one image. */
  readonly createdAt?: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes an image of one layer from the archive of a root file system, compressed or not. The archive is kept as received, so that
 * its digest survives a push. On failure nothing is left.
 * @throws {EngineError} INVALID_REFERENCE, INVALID_CHANGE, what `ingestLayer` throws
 */
export async function importImage(host: ImageHost, archive: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ImageId> {
  const reference = options.reference === undefined || options.reference === "" ? undefined : parseReference(options.reference);
  const config: OciImageConfig = applyChanges({}, options.changes ?? []);
  const [os = "linux", architecture = hostArchitecture(), variant] = (options.platform ?? "").split("/").filter((part) => part !== "");
  await collectGarbage(host);
  using layer = await ingestLayer(host, archive, {
    refuseEmpty: true,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const created = options.createdAt ?? timestampNow();
  return storeImage(
    host,
    {
      created,
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
      ...(options.message === undefined || options.message === "" ? {} : { comment: options.message }),
      config,
      rootfs: { type: "layers", diff_ids: [layer.row.diffId] },
      history: [{ created, comment: options.message === undefined || options.message === "" ? "Imported from -" : options.message }],
    },
    {
      ...(reference === undefined ? {} : { reference }),
      newLayer: layer,
    },
  );
}
