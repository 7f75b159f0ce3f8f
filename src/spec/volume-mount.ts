import { invalidOption } from "../core/invalid-option.ts";
import type { OciMount } from "../plan/oci-config.ts";
import type { MountOption } from "./container-options.ts";
import type { MountMappings } from "./id-map.ts";

/** What is mounted for a volume. */
export type VolumeSource =
  | { readonly kind: "directory"; readonly path: string; readonly readonly: boolean }
  /** A memory file system of the container's own, with these options. */
  | { readonly kind: "tmpfs"; readonly options: readonly string[] };

/**
 * A volume's mount as the configuration has it. In a user namespace its files appear with the container's ids, unless a mapping of its own
 * says otherwise: what one container has written, another with other ids can use.
 * @throws {EngineError} INVALID_OPTION
 */
export function volumeMount(
  mount: MountOption,
  source: VolumeSource,
  where: { readonly destination: string; readonly userNamespace: boolean; readonly mappings: MountMappings | null },
): OciMount {
  const { destination, userNamespace, mappings } = where;
  if (source.kind === "tmpfs") {
    if (mount.subpath !== undefined)
      throw invalidOption(`the volume \`${mount.source ?? ""}\` is a new memory file system at each start: it has no subpath`);
    return { destination, type: "tmpfs", source: "tmpfs", options: [...(mount.readonly === true ? ["ro"] : []), ...source.options] };
  }
  const readonly = mount.readonly === true || source.readonly;
  return {
    destination,
    type: "bind",
    source: source.path,
    // A directory of the host may have mounts beneath it.
    options: ["rbind", readonly ? "rro" : "rw", "rprivate", ...(mappings === null && userNamespace ? ["idmap"] : [])],
    ...mappings,
  };
}

/** The mount of an image's layers; which they are, the plan's input says beside the configuration. */
export function imageMount(mount: MountOption, destination: string): OciMount {
  return { destination, type: "overlay", source: mount.source ?? "", options: ["ro"] };
}
