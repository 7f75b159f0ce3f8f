import { MNT_DETACH, MOUNT_ATTR, MS } from "./kernel-flags.ts";
import type { LaunchPlan } from "./operations.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Slot } from "./slot.ts";

/** One image layer: an EROFS file system whose data lies in an archive. */
export interface LayerMount {
  /** Directory of the files `index` and `tar`. */
  readonly files: string;
  /** A directory, for as long as the layer is there. */
  readonly at: string;
}

/**
 * What EROFS is mounted from: the files, bypassing the page cache of the archive, whose pages would be a second copy of what EROFS caches
 * itself (Linux 6.15); the files (Linux 6.12); or two loop devices over them, which the kernel frees when the mount goes.
 */
export type MountSource = "direct-files" | "files" | "loop-devices";

/** fsconfig(2) takes strings of at most 255 bytes. */
const MAX_FSCONFIG_STRING = 255;

/**
 * HOST alone: mounts image layers where every container finds them. `base`, their directory, becomes a small file system of its own first, when
 * given: what is mounted in it does not spread to other mount namespaces, and all of it goes with it.
 */
export function layerMountsPlan(request: {
  readonly base?: string;
  readonly layers: readonly LayerMount[];
  readonly from: MountSource;
}): LaunchPlan {
  const plan = new PlanBuilder();
  if (request.base !== undefined) mountBase(plan, request.base);
  for (const { files, at } of request.layers) {
    const layer = plan.slot("layer");
    const doing = `mount layer \`${files}\``;
    const devices = request.from === "loop-devices" ? onLoopDevices(plan, files, doing) : [];
    const paths = devices.length > 0 ? [] : onFiles(plan, files);
    plan.host(
      "FS",
      [
        "erofs",
        [...paths, "ro", ...(request.from === "direct-files" ? ["directio"] : [])],
        devices.length > 0 ? ["source=", "device="] : [],
        devices,
        MOUNT_ATTR.MOUNT_ATTR_RDONLY | MOUNT_ATTR.MOUNT_ATTR_NOSUID | MOUNT_ATTR.MOUNT_ATTR_NODEV,
        layer,
      ],
      {
        why: "an image layer: metadata in `index`, the files' data where they are in the image's archive",
        doing,
      },
    );
    plan.host("MOVE", [layer, null, at], {
      why: "where every container finds it: one mount, one page cache",
      doing: `attach layer \`${files}\` at \`${at}\``,
    });
    plan.host("CLOSE", [[layer, ...devices]], { why: "it is attached" });
  }
  return plan.build();
}

function onFiles(plan: PlanBuilder, files: string): string[] {
  const long = Buffer.byteLength(`${files}/index`) > MAX_FSCONFIG_STRING;
  if (long) plan.host("CHDIR", [null, files], { why: "the names of the layer's files are too long for fsconfig(2)" });
  const path = (name: string): string => (long ? name : `${files}/${name}`);
  return [`source=${path("index")}`, `device=${path("tar")}`];
}

/** Open until the mount has them, so that no moment is left in which they are neither used nor freed. */
function onLoopDevices(plan: PlanBuilder, files: string, doing: string): Slot[] {
  return ["index", "tar"].map((name) => {
    const device = plan.slot(`loop-${name}`);
    plan.host("LOOP", [`${files}/${name}`, device], { why: "this kernel mounts EROFS from block devices only", doing });
    return device;
  });
}

function mountBase(plan: PlanBuilder, base: string): void {
  const slot = plan.slot("layers");
  const flags = MOUNT_ATTR.MOUNT_ATTR_NOSUID | MOUNT_ATTR.MOUNT_ATTR_NODEV | MOUNT_ATTR.MOUNT_ATTR_NOEXEC;
  plan.host("FS", ["tmpfs", ["source=wherry-layers", "mode=0700", "size=1m"], [], [], flags, slot], {
    why: "a place for the layers' mounts",
    doing: `mount a directory for layers at \`${base}\``,
  });
  plan.host("MOVE", [slot, null, base], { why: "known to all of this data root" });
  plan.host("ATTR", [null, base, 0, 0, 0, MS.MS_PRIVATE, null], { why: "what is mounted there does not spread to other mount namespaces" });
}

/** HOST alone. What a container still uses stays, out of sight, until it ends. */
export function layerUnmountPlan(paths: readonly string[]): LaunchPlan {
  const plan = new PlanBuilder();
  for (const path of paths) {
    plan.host("UMOUNT", [path, MNT_DETACH], {
      why: "a layer that is stored no more",
      doing: `unmount layer \`${path}\``,
      ignore: ["EINVAL", "ENOENT"],
    });
  }
  return plan.build();
}
