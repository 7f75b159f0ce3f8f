import type { ImageId } from "../core/brands.ts";
import type { ProgressReport } from "./counted.ts";

export interface LoadedImage {
  readonly id: ImageId;
  /** In their short form. */
  readonly references: readonly string[];
  /** Names that another image had until now. */
  readonly taken: readonly { readonly reference: string; readonly from: ImageId }[];
}

export interface LoadOptions {
  /** `os[/architecture[/variant]]`: only this; absent: what fits this machine, or the only one there is. */
  readonly platform?: string;
  /** Told of each layer as it is read. */
  readonly onProgress?: ProgressReport;
  /** Told of each image once it is there: of those, too, that come before one that fails. */
  readonly onLoaded?: (image: LoadedImage) => void;
  /** Cancels it; nothing of an image that is not whole stays. */
  readonly signal?: AbortSignal;
}
