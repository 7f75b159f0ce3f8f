import type { HostPath } from "../core/brands.ts";
import type { Bell } from "../state/bell.ts";
import type { Store } from "../state/store.ts";

/** What volume operations work with: one data root on one host. */
export interface VolumeHost {
  readonly root: string;
  readonly store: Store;
  readonly bell: Bell;
  /** Path of the launcher program. */
  readonly launcher: HostPath;
  /** `pid:starttime:bootid` of this process. */
  readonly owner: string;
  readonly bootId: string;
}
