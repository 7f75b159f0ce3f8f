import { type CgroupHierarchy, type CgroupLayout, type CgroupPath, cgroupDirectory, hierarchyOf } from "../../core/cgroup-layout.ts";
import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";
import type { OciResources } from "../oci-config.ts";
import type { CgroupPlacement, CgroupPlan, CgroupWrite } from "../plan-input.ts";
import type { CgroupSetting, HasCgroupFile } from "./cgroup-setting.ts";
import { compileDeviceProgram } from "./device-program.ts";
import { parseDeviceRules } from "./device-rules.ts";
import { deviceWrites } from "./device-writes.ts";
import { settingsV1 } from "./settings-v1.ts";
import { settingsV2 } from "./settings-v2.ts";

export interface CgroupRequest {
  readonly resources: OciResources;
  /** As `ensureCgroupRoot` gives it: with the controllers that groups beneath the root really have. */
  readonly layout: CgroupLayout;
  /** Wherry's own group. */
  readonly root: CgroupPath;
  /** The container's group: `ROOT/ID`, or what `linux.cgroupsPath` says. */
  readonly path: CgroupPath;
  readonly hasFile: HasCgroupFile;
  /** Limits (`pids.limit`, `memory.swap`) that nobody asked for: where the host can't set one, that is a warning. */
  readonly defaulted?: ReadonlySet<string>;
}

export interface CompiledCgroups extends CgroupPlan {
  readonly warnings: readonly string[];
}

/** What a default may fail with: not permitted, no such file (no swap accounting, say), not possible here. */
const BEARABLE = ["EPERM", "ENOENT", "EACCES", "EINVAL", "EOPNOTSUPP"] as const;

/**
 * A new container's place in every hierarchy and what is written there before its process joins: nothing that the kernel does by itself.
 * @throws {EngineError} CGROUP_CONTROLLER_MISSING naming limit and controller, INVALID_OPTION.
 */
export function compileCgroups(request: CgroupRequest): CompiledCgroups {
  const { layout, defaulted = new Set<string>() } = request;
  checkPath(request.path);
  const warnings: string[] = [];
  const writes = new Map(layout.hierarchies.map((hierarchy) => [hierarchy, [] as CgroupWrite[]]));

  for (const setting of collectSettings({ ...request, fresh: true })) {
    const hierarchy = settingHierarchy(layout, setting);
    const isDefault = defaulted.has(setting.option);
    if (hierarchy === undefined) {
      const reason = missingReason(layout, setting.controller);
      if (!isDefault) throw missing(setting.option, reason);
      warnings.push(`the limit \`${setting.option}\` is not set: ${reason}`);
      continue;
    }
    writes.get(hierarchy)?.push({ file: setting.file, value: setting.value, ...(isDefault ? { ignore: BEARABLE } : {}) });
  }

  const deviceProgram = addDevices(request, writes);
  const placements = layout.hierarchies.map(
    (hierarchy): CgroupPlacement => ({
      directory: cgroupDirectory(hierarchy, request.path),
      version: hierarchy.version,
      writes: writes.get(hierarchy) ?? [],
      monitorDirectory: cgroupDirectory(hierarchy, `${request.root}/monitors`),
    }),
  );
  return { placements, warnings, ...(deviceProgram === null ? {} : { deviceProgram }) };
}

/**
 * The settings of `resources` on this host. On a hybrid host each controller is in one of both versions: it gets the settings of that one.
 * @param request `fresh`: see SettingContext.
 */
export function collectSettings(
  request: Pick<CgroupRequest, "layout" | "resources" | "hasFile"> & { readonly fresh: boolean },
): readonly CgroupSetting[] {
  const { layout, resources, hasFile, fresh } = request;
  const context = { hasFile, fresh };
  if (layout.mode === "v2") return settingsV2(resources, context);
  if (Object.keys(resources.unified ?? {}).length > 0 && layout.mode === "v1") {
    throw missing("unified", "this host has no cgroup v2 hierarchy");
  }
  const v2 = layout.hierarchies.find((hierarchy) => hierarchy.version === 2);
  const inV2 = (controller: string): boolean => v2?.controllers.includes(controller) === true;
  const inV1 = (controller: string): boolean => !inV2(controller);
  const { unified, ...rest } = resources;
  const settings = settingsV1(select(rest, inV1), context);
  if (unified === undefined && (v2?.controllers.length ?? 0) === 0) return settings;
  return [...settings, ...settingsV2({ ...select(rest, inV2), ...(unified === undefined ? {} : { unified }) }, context)];
}

/** The part of the resources whose controller, under its v2 name, passes. v1's own (net_cls, net_prio) count as v1's. */
function select(resources: OciResources, passes: (controller: string) => boolean): OciResources {
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, network } = resources;
  const { cpus, mems, ...cpuTime } = cpu ?? {};
  const sets = { ...(cpus === undefined ? {} : { cpus }), ...(mems === undefined ? {} : { mems }) };
  return {
    ...(memory !== undefined && passes("memory") ? { memory } : {}),
    cpu: { ...(passes("cpu") ? cpuTime : {}), ...(passes("cpuset") ? sets : {}) },
    ...(pids !== undefined && passes("pids") ? { pids } : {}),
    ...(blockIO !== undefined && passes("io") ? { blockIO } : {}),
    ...(hugepageLimits !== undefined && passes("hugetlb") ? { hugepageLimits } : {}),
    ...(rdma !== undefined && passes("rdma") ? { rdma } : {}),
    ...(network !== undefined && passes("net_cls") ? { network } : {}),
  };
}

/** `cgroup.*` files (from `unified`) belong to no controller but to v2. */
export function settingHierarchy(layout: CgroupLayout, setting: CgroupSetting): CgroupHierarchy | undefined {
  if (setting.controller === "cgroup") return layout.hierarchies.find((hierarchy) => hierarchy.version === 2);
  return hierarchyOf(layout, setting.controller);
}

/** v1's controller where it is mounted, else a program for v2's directory. */
function addDevices(request: CgroupRequest, writes: Map<CgroupHierarchy, CgroupWrite[]>): Uint8Array | null {
  const { resources, layout } = request;
  if (resources.devices === undefined || resources.devices.length === 0) return null;
  const rules = parseDeviceRules(resources.devices);
  const v1 = hierarchyOf(layout, "devices");
  if (v1 !== undefined) {
    writes.get(v1)?.push(...deviceWrites(rules));
    return null;
  }
  const program = compileDeviceProgram(rules);
  if (program === null || layout.mode !== "v1") return program;
  // No limit but a wall: with CAP_MKNOD, or a node in its image, a container would reach the host's disks.
  throw missing("devices", missingReason(layout, "devices"));
}

/** Why a controller is not there, and the remedy. */
export function missingReason(layout: CgroupLayout, controller: string): string {
  const remedy =
    layout.mode === "v2"
      ? "the kernel lacks it, it is off (`cgroup_disable=`), or it is not delegated to Wherry's group (see `wherry doctor`)"
      : `mount it (\`mount -t cgroup -o ${controller} cgroup /sys/fs/cgroup/${controller}\`) if the kernel has it`;
  return `cgroup controller \`${controller}\` is not available: ${remedy}`;
}

/** A limit was asked for that this host can't set. */
export function missing(option: string, reason: string): EngineError {
  return new EngineError({
    kind: "failedPrecondition",
    code: "CGROUP_CONTROLLER_MISSING",
    message: `set the limit \`${option}\`: ${reason}`,
  });
}

function checkPath(path: CgroupPath): void {
  if (path.startsWith("/") && !path.endsWith("/") && !path.split("/").includes("..") && !path.includes("\n")) return;
  throw invalidOption(`cgroup path \`${path}\`: an absolute path without \`..\` is meant`);
}
