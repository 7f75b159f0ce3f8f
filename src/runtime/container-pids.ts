import { listCgroupPids } from "../kernel/cgroup-group.ts";
import { pidNamespacePids } from "../kernel/namespace-pids.ts";
import { containerGroup } from "./container-group.ts";
import type { ContainerRecord } from "./container-record.ts";

/** All processes of a container, as pids of the caller's namespace. */
export function containerPids(record: ContainerRecord): readonly number[] {
  const group = containerGroup(record);
  // A user's container may be in no group of its own.
  return group.layout.hierarchies.length > 0 ? listCgroupPids(group) : pidNamespacePids(record.pid);
}
