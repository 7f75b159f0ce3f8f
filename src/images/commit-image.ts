import type { DiffId, HostPath, ImageId } from "../core/brands.ts";
import { timestampNow } from "../core/timestamp.ts";
import type { IdShift, LayerStack } from "../layers/diff.ts";
import { writeLayerTar } from "../layers/layer-tar.ts";
import { getImage, type ImageRow } from "../state/image-rows.ts";
import { applyChanges } from "./changes/apply-changes.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import type { ImageConfig } from "./image-view.ts";
import { addReceivedLayer } from "./ingest-layer.ts";
import { fromImageConfig, hostArchitecture, type OciImage, type OciImageConfig, parseImage } from "./oci-image.ts";
import { ReceivedLayer } from "./receive-layer.ts";
import { parseReference } from "./reference.ts";
import { imageNotFound } from "./resolve-image.ts";
import { storeImage } from "./store-image.ts";

/** What commit needs to know of the container. */
export interface CommitInput {
  readonly containerId: string;
  readonly upper: HostPath;
  /** Top first, as the driver gave them. */
  readonly lowers: readonly HostPath[];
  readonly parentImage: ImageId;
  /** The container's configuration, which becomes the image's. */
  readonly config: ImageConfig;
  /** The command that ran, for the history. */
  readonly command: readonly string[];
  /** Host ids from `from` on are the container's from 0 on (user namespace). */
  readonly uidShift?: IdShift;
  readonly reference?: string;
  readonly message?: string;
  readonly author?: string;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  /** The container's whole root file system as a tar: the image has this one layer then, and none of its parent's. */
  readonly squashed?: AsyncIterable<Uint8Array>;
}

/**
 * Makes an image whose topmost layer holds just what the container has changed, or, squashed, whose only layer holds all. The container's files must not change
 * meanwhile. On failure nothing is left.
 * @throws {EngineError} IMAGE_NOT_FOUND (the parent is gone), INVALID_REFERENCE, INVALID_CHANGE, LAYER_NO_SPACE, TREE_FAILED
 */
export async function commitImage(host: ImageHost, input: CommitInput): Promise<ImageId> {
  const reference = input.reference === undefined || input.reference === "" ? undefined : parseReference(input.reference);
  const parent = getImage(host.store, input.parentImage);
  if (parent === undefined) throw imageNotFound(input.parentImage);
  const config = applyChanges({ ...inherited(parent), ...fromImageConfig(input.config) }, input.changes ?? []);
  using changes = input.squashed === undefined ? await writeChanges(host, input) : await writeAll(host, input.squashed);
  using layer = await addReceivedLayer(host, changes);
  return storeImage(host, committedImage(parent, input, { config, diffId: layer.row.diffId }), {
    ...(input.squashed === undefined ? { parent } : {}),
    newLayer: layer,
    ...(reference === undefined ? {} : { reference }),
  });
}

/** What a container has of its image without being able to change it. */
function inherited(parent: ImageRow): Pick<OciImageConfig, "Healthcheck" | "Shell"> {
  const { Healthcheck, Shell } = parseImage(parent.config).config ?? {};
  return { ...(Healthcheck === undefined ? {} : { Healthcheck }), ...(Shell === undefined ? {} : { Shell }) };
}

async function writeAll(host: ImageHost, tar: AsyncIterable<Uint8Array>): Promise<ReceivedLayer> {
  await collectGarbage(host);
  const blob = host.content.begin();
  try {
    for await (const chunk of tar) blob.write(chunk);
    return ReceivedLayer.ofTar(blob);
  } catch (error) {
    blob[Symbol.dispose]();
    throw error;
  }
}

/** The changes as a layer's tar, not yet published. */
async function writeChanges(host: ImageHost, input: CommitInput): Promise<ReceivedLayer> {
  const { upper, lowers, uidShift } = input;
  const stack: LayerStack = { upper, lowers, ...(uidShift === undefined ? {} : { uidShift }) };
  const blob = host.content.begin();
  try {
    const tree = await writeLayerTar(host.launcher, stack, { blob, meanwhile: () => collectGarbage(host) });
    return ReceivedLayer.ofTar(blob, { tree });
  } catch (error) {
    blob[Symbol.dispose]();
    throw error;
  }
}

function committedImage(
  parent: ImageRow,
  input: CommitInput,
  made: { readonly config: OciImage["config"] & object; readonly diffId: DiffId },
): OciImage {
  const base = parseImage(parent.config);
  const history = base.history ?? parent.layers.map(() => ({}));
  const squashed = input.squashed !== undefined;
  const created = timestampNow();
  const { message, author } = input;
  return {
    created,
    ...(author === undefined || author === "" ? {} : { author }),
    ...(message === undefined || message === "" ? {} : { comment: message }),
    architecture: base.architecture ?? hostArchitecture(),
    os: base.os ?? "linux",
    ...(base.variant === undefined ? {} : { variant: base.variant }),
    config: made.config,
    rootfs: { type: "layers", diff_ids: squashed ? [made.diffId] : [...parent.layers, made.diffId] },
    history: [
      // What was done stays told, though its layers are no more.
      ...(squashed ? history.map((step) => ({ ...step, empty_layer: true })) : history),
      {
        created,
        created_by: input.command.join(" "),
        ...(author === undefined || author === "" ? {} : { author }),
        ...(message === undefined || message === "" ? {} : { comment: message }),
      },
    ],
  };
}
