import type { ContainerOptions, MountOption } from "../spec/container-options.ts";
import { cleanPath } from "../spec/mounts.ts";
import { volumePaths } from "../volumes/volume-paths.ts";
import type { MountView } from "./container-view.ts";

/** A container's mounts as docker tells of them; memory file systems of `--tmpfs` are not among them. Pure. */
export function mountViews(options: ContainerOptions, root: string): MountView[] {
  return (options.mounts ?? [])
    .filter(({ type, origin }) => type !== "tmpfs" || origin === "mount")
    .map((mount) => ({
      type: mount.type,
      name: mount.type === "volume" ? (mount.source ?? "") : "",
      source: sourceOf(mount, root),
      destination: cleanPath(mount.target),
      driver: mount.type === "volume" ? "local" : "",
      mode: modeOf(mount),
      readWrite: mount.readonly !== true && mount.type !== "image",
      propagation: mount.propagation ?? (mount.type === "bind" ? "rprivate" : ""),
    }));
}

function sourceOf(mount: MountOption, root: string): string {
  if (mount.type === "volume") return volumePaths(root, mount.source ?? "").data;
  return mount.type === "tmpfs" ? "" : (mount.source ?? "");
}

/** As docker: what stood behind the second colon; a volume that is to be shared counts as `z`, whatever it is labelled. */
function modeOf(mount: MountOption): string {
  if (mount.origin === "volumes-from") return "";
  if (mount.type === "volume" && mount.origin === "mount") return "z";
  if (mount.type === "volume" && mount.readonly !== true && mount.volumeIsAnonymous !== true) return "z";
  return mount.readonly === true && mount.origin !== "mount" ? "ro" : "";
}
