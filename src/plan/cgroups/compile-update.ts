import { type CgroupLayout, type CgroupPath, cgroupDirectory } from "../../core/cgroup-layout.ts";
import { invalidOption } from "../../core/invalid-option.ts";
import type { OciResources } from "../oci-config.ts";
import type { CgroupSetting, HasCgroupFile } from "./cgroup-setting.ts";
import { collectSettings, missing, missingReason, settingHierarchy } from "./compile-cgroups.ts";

/** One write to a running container's group. */
export interface CgroupUpdate {
  /** Where the limit stands in `linux.resources`. */
  readonly option: string;
  /** Absolute. */
  readonly file: string;
  readonly value: string;
}

export interface CgroupUpdateRequest {
  /** What changes; what is absent stays. -1 lifts a limit. Devices can't be changed. */
  readonly resources: OciResources;
  readonly layout: CgroupLayout;
  readonly path: CgroupPath;
  readonly hasFile: HasCgroupFile;
  /** The group's present value, without the newline; empty when it has no such file. */
  readonly read: (controller: string, file: string) => string;
}

/**
 * The writes that change a running container's limits, in an order that the kernel takes.
 *
 * On v1 memory may never be above memory plus swap: when memory grows beyond the present sum, the sum is written first. On v2, where swap is
 * limited by itself, a new sum without new memory is turned into swap by the present memory limit.
 * @throws {EngineError} CGROUP_CONTROLLER_MISSING, INVALID_OPTION
 */
export function compileCgroupUpdate(request: CgroupUpdateRequest): readonly CgroupUpdate[] {
  const { layout, path } = request;
  checkPresentUse(request);
  const settings = collectSettings({ ...request, resources: withPresentMemory(request), fresh: false });
  return ordered(settings, request).map((setting) => {
    const hierarchy = settingHierarchy(layout, setting);
    if (hierarchy === undefined) throw missing(setting.option, missingReason(layout, setting.controller));
    return { option: setting.option, file: `${cgroupDirectory(hierarchy, path)}/${setting.file}`, value: setting.value };
  });
}

/** `checkBeforeUpdate`: v1 would refuse by itself, v2 would kill. @throws {EngineError} INVALID_OPTION */
function checkPresentUse({ resources, read }: CgroupUpdateRequest): void {
  const { limit = 0, checkBeforeUpdate } = resources.memory ?? {};
  if (checkBeforeUpdate !== true || limit <= 0) return;
  const present = Number(read("memory", "memory.current") || read("memory", "memory.usage_in_bytes"));
  if (present > limit) throw invalidOption(`resources: \`memory.limit\` ${limit} is below what the container uses, ${present}`);
}

function withPresentMemory({ resources, read }: CgroupUpdateRequest): OciResources {
  const { memory } = resources;
  if (memory?.swap === undefined || memory.swap <= 0 || memory.limit !== undefined) return resources;
  const present = Number(read("memory", "memory.max"));
  return Number.isInteger(present) && present > 0 ? { ...resources, memory: { ...memory, limit: present } } : resources;
}

function ordered(settings: readonly CgroupSetting[], { read }: CgroupUpdateRequest): readonly CgroupSetting[] {
  const memory = settings.find(({ file }) => file === "memory.limit_in_bytes");
  const sum = settings.find(({ file }) => file === "memory.memsw.limit_in_bytes");
  if (memory === undefined || sum === undefined) return settings;
  const presentSum = Number(read("memory", "memory.memsw.limit_in_bytes"));
  const grows = memory.value === "-1" || Number(memory.value) > presentSum;
  if (!grows) return settings;
  return [sum, memory, ...settings.filter((setting) => setting !== sum && setting !== memory)];
}
