import type { OciConfig } from "../plan/oci-config.ts";
import type { PlanExtensions } from "../plan/plan-extensions.ts";

/**
 * The compiler of the fields that `wherry run` never sets, if the configuration has one of them; else it need not be loaded. A field that is
 * forgotten here is refused by the compiler, not left out.
 */
export async function loadExtensions({ hooks = {}, process, linux = {} }: OciConfig): Promise<PlanExtensions | undefined> {
  const needed =
    Object.keys(hooks).length > 0 ||
    process?.scheduler !== undefined ||
    process?.ioPriority !== undefined ||
    process?.execCPUAffinity !== undefined ||
    (process?.selinuxLabel ?? "") !== "" ||
    (linux.mountLabel ?? "") !== "" ||
    linux.memoryPolicy !== undefined ||
    linux.intelRdt !== undefined ||
    linux.netDevices !== undefined ||
    linux.seccomp?.syscalls?.some(({ action }) => action === "SCMP_ACT_NOTIFY") === true ||
    linux.seccomp?.defaultAction === "SCMP_ACT_NOTIFY" ||
    linux.seccomp?.listenerPath !== undefined;
  return needed ? (await import("../plan/oci/oci-extensions.ts")).ociExtensions : undefined;
}
