import { listCgroupPids } from "../kernel/cgroup-group.ts";
import { containerGroup } from "./container-group.ts";
import type { ContainerRecord } from "./container-record.ts";

/** All processes of a container, as pids of the caller's namespace. */
export function containerPids(record: ContainerRecord): readonly number[] {
  return listCgroupPids(containerGroup(record));
}
