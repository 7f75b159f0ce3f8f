import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { OciIntelRdt } from "../plan/oci-config.ts";
import { type ContainerFiles, type ContainerRecord, readCreatedConfig } from "./container-record.ts";

/** Lines of resctrl's schemata, as `update` has them; at least one. */
export type ClassOfServiceChange = Pick<OciIntelRdt, "l3CacheSchema" | "memBwSchema">;

/**
 * Changes a running container's shares of cache and memory bandwidth. One that is in no class of service gets its own, which its removal
 * removes: the change is noted in the configuration that it was created with.
 * @param resctrl where it is mounted; null: nowhere
 * @throws {EngineError} CONFIG_UNSUPPORTED in runc's words where the host can't, CGROUP_UPDATE_FAILED for what the kernel refuses
 * @see Documentation/filesystems/resctrl.rst
 */
export function updateClassOfService(
  files: ContainerFiles,
  { id, pid }: Pick<ContainerRecord, "id" | "pid">,
  { change, resctrl }: { readonly change: ClassOfServiceChange; readonly resctrl: HostPath | null },
): void {
  const { l3CacheSchema, memBwSchema } = change;
  const offers = (...names: readonly string[]): boolean => names.some((name) => resctrl !== null && existsSync(`${resctrl}/info/${name}`));
  if (l3CacheSchema !== undefined && !offers("L3", "L3CODE")) throw unsupported("Intel RDT/CAT: l3 cache schema is not enabled");
  if (memBwSchema !== undefined && !offers("MB")) throw unsupported("Intel RDT/MBA: memory bandwidth schema is not enabled");
  const config = readCreatedConfig(files);
  const { intelRdt } = config.linux ?? {};
  const group = `${resctrl}/${intelRdt?.closID ?? id}`;
  try {
    if (intelRdt === undefined) {
      mkdirSync(group, { recursive: true });
      // Noted before anything can fail: its removal takes the group with it.
      const changed = { ...config, linux: { ...config.linux, intelRdt: change } };
      writeFileSync(`${files.config}.new`, JSON.stringify(changed), { mode: 0o600 });
      renameSync(`${files.config}.new`, files.config);
      writeFileSync(`${group}/tasks`, String(pid));
    }
    const lines = [l3CacheSchema, memBwSchema].filter((line) => line !== undefined);
    writeFileSync(`${group}/schemata`, `${lines.join("\n")}\n`);
  } catch (cause) {
    throw new EngineError({
      kind: "failedPrecondition",
      code: "CGROUP_UPDATE_FAILED",
      message: `set the resctrl schemata of container \`${id}\`: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

function unsupported(message: string): EngineError {
  return new EngineError({ kind: "notImplemented", code: "CONFIG_UNSUPPORTED", message });
}
