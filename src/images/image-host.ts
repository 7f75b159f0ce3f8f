import type { ContentStore } from "../content/content-store.ts";
import type { LayerDriver } from "../layers/layer-driver.ts";
import type { Store } from "../state/store.ts";

/** What every image operation works with: one data root. */
export interface ImageHost {
  readonly root: string;
  readonly store: Store;
  readonly content: ContentStore;
  readonly layers: LayerDriver;
  /** Path of the launcher program. */
  readonly launcher: string;
}
