import type { DiffId, ImageId } from "../core/brands.ts";
import type { ImageConfig } from "./image-view.ts";

/** All that starting a container needs of an image, in one look-up. */
export interface RunnableImage {
  readonly id: ImageId;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly diffIds: readonly DiffId[];
  /** The image's `/etc/passwd` and `/etc/group`, recorded when it was made; empty when it has none. */
  readonly passwd: string;
  readonly group: string;
  /** What it is for, where that is not this machine: it runs if the kernel can (32-bit programs, an emulator in binfmt_misc). */
  readonly foreignPlatform?: string;
}
