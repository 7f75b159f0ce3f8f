import type { CgroupGroup } from "../kernel/cgroup-group.ts";
import { detectCgroupLayout } from "../kernel/cgroup-layout.ts";
import type { ContainerRecord } from "./container-record.ts";

/** A container's control group, where the hierarchies were when it was created: on a host with many mounts, finding them is most of a `state`. */
export function containerGroup({ cgroup, cgroupLayout }: ContainerRecord): CgroupGroup {
  return { layout: cgroupLayout ?? detectCgroupLayout(), path: cgroup };
}
