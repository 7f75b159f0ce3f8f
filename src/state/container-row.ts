import type { ContainerId, DiffId, ImageId } from "../core/brands.ts";
import type { Timestamp } from "../core/timestamp.ts";

/**
 * The states a container row can be in. `starting`, `ending` (its process has ended, what it held is being freed) and `removing`
 * belong to a process (`owner`); when that process is gone, reconcile goes on with them.
 */
export type RowStatus = "created" | "starting" | "running" | "paused" | "ending" | "exited" | "removing";

/** Which states each state may be left for. Anything else is a conflict that names both. */
export const moves: Readonly<Record<RowStatus, readonly RowStatus[]>> = {
  created: ["starting", "removing"],
  starting: ["running", "created", "exited", "removing"],
  running: ["paused", "ending", "removing"],
  paused: ["running", "ending", "removing"],
  ending: ["exited"],
  exited: ["starting", "removing"],
  removing: [],
};

export interface ContainerRow {
  readonly id: ContainerId;
  readonly name: string;
  /** As the user named it. */
  readonly image: string;
  readonly imageId: ImageId;
  readonly createdAt: Timestamp;
  /** JSON of ContainerOptions. */
  readonly options: string;
  /** JSON of the resolved process (entrypoint and command united with the image's). */
  readonly process: string;
  /** Bottom first. */
  readonly layers: readonly DiffId[];
  readonly status: RowStatus;
  /** `pid:starttime:bootid` of the process that is moving it on; of a running or paused one: that is freezing or
   * thawing it; of a created or exited one: that has its files mounted. */
  readonly owner: string | null;
  readonly pid: number;
  readonly pidStart: bigint;
  readonly monitorPid: number;
  readonly monitorStart: bigint;
  readonly bootId: string;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  readonly error: string;
  readonly startedAt: Timestamp | null;
  readonly finishedAt: Timestamp | null;
  readonly autoRemove: boolean;
  /** A stop or kill was asked for since the last start. */
  readonly stopRequested: boolean;
  readonly starts: number;
}
