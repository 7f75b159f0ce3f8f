import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { encodeHeader, padding, tarEnd } from "../archive/tar-writer.ts";
import type { ByteString } from "../core/byte-string.ts";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { errnoText } from "../core/errno.ts";
import { randomHex } from "../core/random.ts";
import { IngestDirectory } from "../content/ingest-directory.ts";
import { readBootId } from "../kernel/boot-id.ts";
import type { MountSource } from "../plan/erofs-mounts.ts";
import type { LayerDriverChoice } from "./layer-driver.ts";
import { layerMountPath } from "./stored-layers.ts";
import { mountLayers, needsBlockDevices, unmountLayers } from "./layer-mounts.ts";
import type { LayerSite } from "./stored-layers.ts";

export interface DriverProbe extends LayerDriverChoice {
  /** Of `erofs`. */
  readonly from?: MountSource;
}

/**
 * Whether layers can be mounted on this kernel and this data root's file system, and from what: one is made, mounted and read. A few
 * milliseconds, and the result is remembered in the run root until the next boot, or until there are loop devices or none; that loop devices
 * serve is found out each time.
 */
export async function probeDriver(site: LayerSite): Promise<DriverProbe> {
  const file = `${site.runRoot}/layer-driver`;
  mkdirSync(`${site.root}/layers`, { recursive: true, mode: 0o700 });
  const loop = existsSync("/dev/loop-control") ? " loop" : "";
  const key = `${readBootId()} ${site.root} ${statSync(`${site.root}/layers`).dev} 3${loop}`;
  const remembered = recall(file, key);
  if (remembered !== undefined) return remembered;
  const probe = await attempt(site);
  mkdirSync(site.runRoot, { recursive: true, mode: 0o700 });
  const partial = `${file}.${randomHex(6)}`;
  writeFileSync(partial, JSON.stringify({ key, probe }), { mode: 0o600 });
  renameSync(partial, file);
  return probe;
}

/** @throws {EngineError} LAYER_DRIVER_UNAVAILABLE */
export function requireErofs(probe: DriverProbe): DriverProbe {
  if (probe.name === "erofs") return { ...probe, reason: "WHERRY_LAYER_DRIVER asks for it" };
  throw new EngineError({
    kind: "failedPrecondition",
    code: "LAYER_DRIVER_UNAVAILABLE",
    message: `store layers by EROFS, as WHERRY_LAYER_DRIVER asks: ${probe.reason}; leave it unset for directories`,
  });
}

function recall(file: string, key: string): DriverProbe | undefined {
  try {
    const found = JSON.parse(readFileSync(file, "utf8")) as { readonly key: string; readonly probe: DriverProbe };
    // Loop devices may go at any time (`rmmod loop`, a /dev of one's own).
    return found.key === key && found.probe.from !== "loop-devices" ? found.probe : undefined;
  } catch {
    return undefined;
  }
}

async function attempt(site: LayerSite): Promise<DriverProbe> {
  const files = new IngestDirectory(`${site.root}/layers/ingest` as HostPath).newPath();
  try {
    await makeSample(files);
    return mountFromFiles(site, files);
  } catch (error) {
    return { name: "directory", reason: `EROFS can't be mounted from plain files here (${messageOf(error)})` };
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

function mountFromFiles(site: LayerSite, files: HostPath): DriverProbe {
  try {
    mountAndRead(site, files, "direct-files");
    return { name: "erofs", reason: "EROFS mounts from plain files here, without a second copy in the page cache", from: "direct-files" };
  } catch (direct) {
    try {
      // Linux before 6.15 has no `directio`; a disk with sectors of 4 KiB takes no reads of 512 bytes.
      mountAndRead(site, files, "files");
      return { name: "erofs", reason: `EROFS mounts from plain files here, though not directly (${messageOf(direct)})`, from: "files" };
    } catch (error) {
      if (!needsBlockDevices(error) || !isWorthDevices(site.root)) throw error;
      return mountFromLoopDevices(site, files);
    }
  }
}

/**
 * On tmpfs, directories are their own page cache, and EROFS's would be a second copy. In a container, whose data root is an overlay, the devices
 * would be the host's.
 */
function isWorthDevices(root: string): boolean {
  return ![TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC].includes(statfsSync(root).type);
}

function mountFromLoopDevices(site: LayerSite, files: HostPath): DriverProbe {
  try {
    const isDirect = mountAndRead(site, files, "loop-devices");
    const copies = isDirect ? "without a second copy in the page cache" : "though not directly";
    return { name: "erofs", reason: `EROFS mounts over loop devices here, ${copies}; Linux 6.12 does without them`, from: "loop-devices" };
  } catch (error) {
    return { name: "directory", reason: `EROFS can't be mounted from plain files here, nor over loop devices (${messageOf(error)})` };
  }
}

/** @see linux/magic.h */
const TMPFS_MAGIC = 0x01021994;
const OVERLAYFS_SUPER_MAGIC = 0x794c7630;

const sample = Buffer.from("wherry\n".repeat(1500));

async function makeSample(files: HostPath): Promise<void> {
  mkdirSync(files, { mode: 0o700 });
  const mtime = { seconds: 0, nanos: 0 };
  const header = encodeHeader({ path: "file" as ByteString, type: "file", mode: 0o644, uid: 0, gid: 0, mtime, size: sample.length });
  const archive = `${files}/archive` as HostPath;
  writeFileSync(archive, Buffer.concat([header, sample, padding(sample.length), tarEnd]), { mode: 0o600 });
  const { writeIndex } = await import("./erofs/index-to-store.ts");
  await writeIndex(files, archive, { uuid: Buffer.alloc(16, 1) });
}

/** Whether its loop devices, if it has some, read directly. */
function mountAndRead(site: LayerSite, files: HostPath, from: MountSource): boolean {
  // Whoever collects meanwhile sees by the name that this process is at it.
  const hex = files.slice(files.lastIndexOf("/") + 1);
  const at = layerMountPath(site, hex);
  try {
    mountLayers(site, [{ hex, files }], { from });
    if (!readFileSync(`${at}/file`).equals(sample)) throw new Error("other data than was written");
    return readsDirectly(statSync(at).dev);
  } finally {
    unmountLayers(site, () => false, [hex]);
  }
}

/** Minor numbers are in two pieces. @see makedev(3) */
function readsDirectly(device: number): boolean {
  const numbers = `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
  try {
    return readFileSync(`/sys/dev/block/${numbers}/loop/dio`, "utf8").startsWith("1");
  } catch {
    return false;
  }
}

/** Without the sample's path. */
function messageOf(error: unknown): string {
  if (!(error instanceof EngineError) || typeof error.details["errno"] !== "number")
    return error instanceof Error ? error.message : String(error);
  const { errno, detail } = error.details as { errno: number; detail?: string };
  return `${errnoText(errno)}${detail?.includes("/dev/loop") === true ? `: ${detail}` : ""}`;
}
