import type { HostPath } from "../core/brands.ts";
import type { Bell } from "../state/bell.ts";
import type { Store } from "../state/store.ts";
import type { LayerDriver } from "../layers/layer-driver.ts";
import type { PlanCache } from "../runtime/plan-cache.ts";
import type { HostFeatures } from "../plan/plan-input.ts";
import type { ContainerCgroups } from "./container-cgroups.ts";

/** What every container operation works with: one data root on one host. Made once a process by `createEngine`. */
export interface ContainerHost {
  readonly root: string;
  readonly runRoot: string;
  /** Marks host-global names as this root's (`core/ids.ts`). */
  readonly instance: string;
  readonly bootId: string;
  readonly store: Store;
  readonly bell: Bell;
  readonly layers: LayerDriver;
  readonly cgroups: ContainerCgroups;
  /** Probed once a boot. */
  readonly features: HostFeatures;
  /** Absent where the engine is not one compiled file: its sources may change from one start to the next. */
  readonly planCache?: PlanCache;
  /** Path of the launcher program. */
  readonly launcher: HostPath;
  /** argv with which the monitor calls us back after an exit, without the container's id. */
  readonly exitHook: readonly string[];
  /** `pid:starttime:bootid` of this process. */
  readonly owner: string;
}
