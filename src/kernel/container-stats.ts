/** What the cgroups of a container have counted. A figure that the host does not keep is 0; an absent limit is 0. */
export interface ContainerStats {
  readonly memoryUsageBytes: number;
  readonly memoryLimitBytes: number;
  readonly memoryPeakBytes: number;
  readonly cpuUsageNanos: bigint;
  readonly cpuThrottledPeriods: number;
  readonly cpuThrottledNanos: bigint;
  readonly pids: number;
  readonly pidsLimit: number;
  readonly blkioReadBytes: number;
  readonly blkioWriteBytes: number;
  readonly oomKills: number;
}
