import { existsSync, statfsSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { limited, missing, ok, readSmall } from "./doctor-item.ts";
import type { DoctorItem, DoctorSection } from "./doctor-report.ts";
import { mapsIds } from "./host-features.ts";
import type { KernelConfig } from "./kernel-config.ts";
import { isKernelAtLeast } from "./kernel-release.ts";

/** statfs(2) types by name, for those a data root may lie on. @see linux/magic.h */
const NAMES: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0xf2f52010: "f2fs",
  0x01021994: "tmpfs",
  0x794c7630: "overlay",
  0x6969: "nfs",
  0x65735546: "fuse",
  0x2fc12fc1: "zfs",
  0xca451a4e: "bcachefs",
};

/** Those whose directories can't be an overlay's upper one: no trusted xattrs, no whiteouts or no d_type. */
const NO_UPPER = new Set(["overlay", "nfs", "fuse"]);

/** What the root file systems of containers are made of. */
export function examineFilesystems(
  root: HostPath,
  config: KernelConfig,
  layerDriver?: { readonly name: string; readonly reason: string },
): DoctorSection {
  const store = nameOf(root);
  return {
    title: "File systems",
    items: [
      dataRoot(root, store),
      ...layers(layerDriver),
      overlay(config),
      ...erofs(config, store, layerDriver?.name),
      idmapped(root, store),
      ...others(config),
    ],
  };
}

function nameOf(path: string): string {
  let existing = path;
  while (!existsSync(existing)) existing = existing.slice(0, existing.lastIndexOf("/")) || "/";
  const type = statfsSync(existing).type >>> 0;
  return NAMES[type] ?? `type 0x${type.toString(16)}`;
}

function dataRoot(root: string, store: string): DoctorItem {
  if (NO_UPPER.has(store))
    return missing(
      "data root",
      `${root} on ${store}`,
      "it can't hold containers' writable layers: choose a directory on a local file system with `--root`",
    );
  if (store === "tmpfs") return limited("data root", `${root} on tmpfs`, "images and containers are gone after a reboot, and take memory");
  return ok("data root", `${root} on ${store}`);
}

function layers(driver: { readonly name: string; readonly reason: string } | undefined): readonly DoctorItem[] {
  return driver === undefined ? [] : [ok("image layers", `${driver.name}: ${driver.reason}`)];
}

function hasFilesystem(name: string): boolean {
  return new RegExp(`\\b${name}$`, "m").test(readSmall("/proc/filesystems") ?? "");
}

function overlay(config: KernelConfig): DoctorItem {
  const state = config.feature("OVERLAY_FS", "overlay");
  if (!hasFilesystem("overlay") && state !== "module") {
    return missing(
      "overlay",
      "not in /proc/filesystems",
      "containers can't be made from images: use a kernel with CONFIG_OVERLAY_FS, or `modprobe overlay`",
    );
  }
  const layers = isKernelAtLeast("6.13")
    ? "layers by descriptor"
    : isKernelAtLeast("6.7")
      ? "layers by name"
      : "layers in one option string";
  return ok("overlay", `${state}; ${layers}`);
}

function erofs(config: KernelConfig, store: string, chosen: string | undefined): readonly DoctorItem[] {
  const consequence = "images are unpacked into directories instead of being mounted as they are (slower pull, same behaviour)";
  const state = config.feature("EROFS_FS", "erofs");
  if (!hasFilesystem("erofs") && state !== "module") return [limited("EROFS", state, `${consequence}; use a kernel with CONFIG_EROFS_FS`)];
  const direct = isKernelAtLeast("6.12") && config.feature("EROFS_FS_BACKED_BY_FILE") !== "absent";
  if (store === "tmpfs" || store === "overlay") return [limited("EROFS", `${state}, but the data root is on ${store}`, consequence)];
  // Whether blocks of 512 bytes do (Linux 6.4, and later ones of 6.1) has been tried by who has chosen the driver.
  if (!direct && chosen === "erofs") return [ok("EROFS", `${state}; mounts over loop devices, two for each layer`)];
  if (!direct) {
    const devices = existsSync("/dev/loop-control") ? "" : ", and there is no /dev/loop-control";
    const remedy = devices === "" ? "" : "`modprobe loop` may do, and ";
    return [
      limited("EROFS", `${state}, but from block devices only${devices}`, `${consequence}; ${remedy}Linux 6.12 mounts it from files`),
    ];
  }
  return [ok("EROFS", `${state}; mounts from plain files`)];
}

function idmapped(root: HostPath, store: string): DoctorItem {
  if (mapsIds(root)) return ok("idmapped mounts", `on ${store}`);
  return limited(
    "idmapped mounts",
    `not on ${store} with this kernel`,
    "`--userns auto` changes the owner of every file of the image at the first start (slower, more disk); ext4, xfs or btrfs and Linux 5.19 can do better",
  );
}

function others(config: KernelConfig): readonly DoctorItem[] {
  const mqueue = hasFilesystem("mqueue")
    ? ok("mqueue", "built in")
    : limited("mqueue", "not in /proc/filesystems", "containers have no /dev/mqueue; use a kernel with CONFIG_POSIX_MQUEUE");
  const loopState = config.feature("BLK_DEV_LOOP", "loop");
  const loop = existsSync("/dev/loop-control")
    ? ok("loop devices", "/dev/loop-control")
    : limited("loop devices", loopState, "disk images can't be mounted; `modprobe loop`");
  const fuse = existsSync("/dev/fuse")
    ? ok("FUSE", "/dev/fuse")
    : limited("FUSE", config.feature("FUSE_FS", "fuse"), "`--device /dev/fuse` fails; `modprobe fuse`");
  return [mqueue, loop, fuse];
}
