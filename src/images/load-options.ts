import type { ProgressReport } from "./counted.ts";

export interface LoadOptions {
  /** `os[/architecture[/variant]]`: only this; absent: what fits this machine, or the only one there is. */
  readonly platform?: string;
  /** Told of each layer as it is read. */
  readonly onProgress?: ProgressReport;
  /** Cancels it; nothing of an image that is not whole stays. */
  readonly signal?: AbortSignal;
}
