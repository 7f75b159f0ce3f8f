import type { Digest } from "../core/brands.ts";

/** What happens to one blob of an image that is pulled, pushed or loaded. */
export type TransferState =
  /** Its turn has not come, or another process is at it. */
  | "waiting"
  | "downloading"
  /** All bytes are here; they are verified and the layer is added. */
  | "storing"
  | "pulled"
  /** From an archive. */
  | "loading"
  | "loaded"
  | "uploading"
  | "pushed"
  /** It was there already. */
  | "exists"
  /** Taken from another repository of the registry. */
  | "mounted";

/** News of a pull, push or load, for whoever shows it. */
export type TransferEvent =
  /** Work on one image begins. `tag`: or digest. `repository`: `library/debian`; `name`: with the registry's, as people see it. */
  | { readonly kind: "image"; readonly tag: string; readonly repository: string; readonly name: string }
  | {
      readonly kind: "blob";
      readonly digest: Digest;
      readonly state: TransferState;
      readonly currentBytes: number;
      readonly totalBytes: number;
      /** The repository that a mounted blob came from. */
      readonly from?: string;
    }
  /** The image is there, all of it. `sizeBytes`: of its manifest. */
  | { readonly kind: "done"; readonly tag: string; readonly digest: Digest; readonly sizeBytes: number }
  /** Something failed and is tried again. */
  | { readonly kind: "retry"; readonly message: string; readonly delayMs: number };
