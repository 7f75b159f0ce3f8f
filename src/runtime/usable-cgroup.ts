import type { CgroupLayout } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";
import { removeEmptyCgroup } from "../kernel/cgroup-control.ts";
import type { CgroupGroup } from "../kernel/cgroup-group.ts";
import { makeCgroup } from "../kernel/make-cgroup.ts";
import type { OciConfig } from "../plan/oci-config.ts";

/**
 * Makes the container's group. With `ignoreRefusal`, where it may not be made and the configuration has neither limits nor a place for it, the
 * container has none, as with runc: a layout without hierarchies.
 * @throws {EngineError} CGROUP_SETUP_FAILED
 */
export function makeUsableCgroup(
  config: OciConfig,
  { layout, path }: CgroupGroup,
  { enableAbove, ignoreRefusal }: { readonly enableAbove: boolean; readonly ignoreRefusal: boolean },
): CgroupLayout {
  try {
    return makeCgroup(layout, path, { enableAbove });
  } catch (error) {
    if (!ignoreRefusal || !(error instanceof EngineError) || !isRefusal(error.cause) || (config.linux?.cgroupsPath ?? "") !== "")
      throw error;
    removeEmptyCgroup({ layout, path });
    if (!isLimited(config)) return { ...layout, hierarchies: [] };
    throw new EngineError({
      kind: "failedPrecondition",
      code: "CGROUP_SETUP_FAILED",
      message: `rootless needs no limits + no cgrouppath when no permission is granted for cgroups (\`linux.resources\`, \`linux.cgroupsPath\`): ${error.message}`,
      cause: error,
    });
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["EACCES", "EPERM", "EROFS"].includes(String(error.code));
}

/** Lists of devices don't count: without the right to make nodes there is nothing to be kept from. */
function isLimited({ linux }: OciConfig): boolean {
  const { devices: _, ...resources } = linux?.resources ?? {};
  return isSet(resources);
}

function isSet(value: unknown): boolean {
  if (typeof value === "number") return value > 0;
  if (typeof value !== "object" || value === null) return value === true || (typeof value === "string" && value !== "");
  return Object.values(value).some(isSet);
}
