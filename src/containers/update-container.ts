import { existsSync } from "node:fs";
import { cgroupDirectory, hierarchyOf } from "../core/cgroup-layout.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { applyCgroupUpdate, readCgroupFile } from "../kernel/cgroup-update.ts";
import { setScopeProperties } from "../kernel/systemd-scope.ts";
import { compileCgroupUpdate } from "../plan/cgroups/compile-update.ts";
import { scopeProperties } from "../plan/cgroups/scope-properties.ts";
import type { OciResources } from "../plan/oci-config.ts";
import type { ContainerOptions, ResourceOptions } from "../spec/container-options.ts";
import { buildResources } from "../spec/resources.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { storeOptions } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";

/**
 * Changes a container's limits, at once if it runs, and for its next starts. What is not given stays. When the kernel refuses one, nothing is
 * recorded; what it took before stays until the container ends.
 * @throws {EngineError} INVALID_OPTION, CGROUP_CONTROLLER_MISSING, CGROUP_UPDATE_FAILED
 */
export function updateContainer(host: ContainerHost, row: ContainerRow, given: ResourceOptions): void {
  const options = JSON.parse(row.options) as ContainerOptions;
  const before = options.resources ?? {};
  checkSwap(before, given);
  const resources = merge(before, given);
  const all = buildResources({ ...options, resources }, []);
  if (row.status === "running" || row.status === "paused") writeLimits(host, row, only(all, given));
  storeOptions(host.store, row.id, JSON.stringify({ ...options, resources }));
  host.bell.ring();
}

function writeLimits(host: ContainerHost, row: ContainerRow, resources: OciResources): void {
  const group = host.cgroups.group(row);
  const { layout, path } = group;
  const hasFile = (controller: string, file: string): boolean => {
    const hierarchy = hierarchyOf(layout, controller);
    return hierarchy !== undefined && existsSync(`${cgroupDirectory(hierarchy, path)}/${file}`);
  };
  const read = (controller: string, file: string) => readCgroupFile(group, controller, file);
  applyCgroupUpdate(compileCgroupUpdate({ resources, layout, path, hasFile, read }));
  const scope = host.cgroups.parented(row)?.scope;
  if (scope) setScopeProperties(scope.unit, scopeProperties(resources));
}

/** One way of saying how much CPU it gets takes the place of the other. */
function merge(before: ResourceOptions, given: ResourceOptions): ResourceOptions {
  const { nanoCpus, cpuQuotaMicros, cpuPeriodMicros, ...rest } = before;
  const byQuota = given.cpuQuotaMicros !== undefined || given.cpuPeriodMicros !== undefined;
  if (given.nanoCpus !== undefined && (cpuQuotaMicros !== undefined || cpuPeriodMicros !== undefined))
    throw invalidOption("Conflicting options: Nano CPUs cannot be updated as CPU Period or Quota has already been set");
  if (byQuota && nanoCpus !== undefined)
    throw invalidOption("Conflicting options: CPU Period or Quota cannot be updated as NanoCPUs has already been set");
  const cpu = Object.entries({ nanoCpus, cpuQuotaMicros, cpuPeriodMicros }).filter(([, value]) => value !== undefined);
  // The swap that was meant by leaving it out is the one there was.
  const swap = before.memoryBytes !== undefined && before.memorySwapBytes === undefined ? { memorySwapBytes: before.memoryBytes * 2 } : {};
  return { ...rest, ...Object.fromEntries(cpu), ...swap, ...given };
}

function checkSwap(before: ResourceOptions, given: ResourceOptions): void {
  const swap = before.memorySwapBytes ?? (before.memoryBytes === undefined ? 0 : before.memoryBytes * 2);
  if ((given.memoryBytes ?? 0) <= swap || swap <= 0 || (given.memorySwapBytes ?? 0) !== 0) return;
  throw invalidOption("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
}

/** Of all limits those that are given. */
function only({ memory, cpu, blockIO, pids }: OciResources, given: ResourceOptions): OciResources {
  const has = (...names: readonly (keyof ResourceOptions)[]): boolean => names.some((name) => given[name] !== undefined);
  const keep = <T extends object>(from: T | undefined, names: readonly (keyof T)[]): Partial<T> =>
    Object.fromEntries(names.filter((name) => from?.[name] !== undefined).map((name) => [name, from?.[name]])) as Partial<T>;
  const newMemory = {
    ...(has("memoryBytes") ? keep(memory, ["limit"]) : {}),
    ...(has("memorySwapBytes") || (has("memoryBytes") && memory?.swap !== undefined) ? keep(memory, ["swap"]) : {}),
    ...(has("memoryReservationBytes") ? keep(memory, ["reservation"]) : {}),
    ...(has("kernelMemoryBytes") ? keep(memory, ["kernel"]) : {}),
  };
  const newCpu = {
    ...(has("nanoCpus", "cpuQuotaMicros", "cpuPeriodMicros") ? keep(cpu, ["quota", "period"]) : {}),
    ...(has("cpuShares") ? keep(cpu, ["shares"]) : {}),
    ...(has("cpuRealtimeRuntimeMicros", "cpuRealtimePeriodMicros") ? keep(cpu, ["realtimeRuntime", "realtimePeriod"]) : {}),
    ...(has("cpusetCpus") ? keep(cpu, ["cpus"]) : {}),
    ...(has("cpusetMems") ? keep(cpu, ["mems"]) : {}),
  };
  return {
    ...(Object.keys(newMemory).length === 0 ? {} : { memory: newMemory }),
    ...(Object.keys(newCpu).length === 0 ? {} : { cpu: newCpu }),
    ...(has("blkioWeight") ? { blockIO: keep(blockIO, ["weight"]) } : {}),
    ...(has("pidsLimit") ? { pids: pids ?? { limit: -1 } } : {}),
  };
}
