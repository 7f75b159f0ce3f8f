import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { errnoNumber } from "../core/errno.ts";
import { callPlan, waitForOrphanedCalls } from "../kernel/call-plan.ts";
import { StateLock } from "../kernel/state-lock.ts";
import { describeFailure } from "../plan/describe-failure.ts";
import { encodePlan } from "../plan/encode.ts";
import { type LayerMount, layerMountsPlan, layerUnmountPlan, type MountSource } from "../plan/erofs-mounts.ts";
import type { LaunchPlan } from "../plan/operations.ts";
import { isLayerMounted, layerMountPath, layerMountsBase, layerMountsOf, type Roots } from "./stored-layers.ts";

/** Each takes up to three slots of a plan, which has 1,024. */
const layersOfOnePlan = 300;

export interface MountableLayer {
  /** Of the diff id. */
  readonly hex: string;
  /** Directory of `index` and `tar`. */
  readonly files: HostPath;
}

export interface MountContext extends Roots {
  readonly launcher: string;
}

/**
 * Mounts what is not mounted yet of these layers: at most one mount of a layer, whoever asks at the same time. Synchronous.
 * `from` absent: the first that the kernel takes.
 * @throws {EngineError} LAYER_MOUNT_FAILED
 */
export function mountLayers(context: MountContext, layers: readonly MountableLayer[], options: { readonly from?: MountSource } = {}): void {
  const base = layerMountsBase(context.runRoot);
  using _lock = acquireLock(context);
  const missing = layers.filter(({ hex }) => !isLayerMounted(context, hex));
  for (let at = 0; at < missing.length; at += layersOfOnePlan) {
    const some = missing.slice(at, at + layersOfOnePlan);
    mkdirSync(base, { recursive: true, mode: 0o700 });
    // The directories are made once their file system is there.
    if (!isMountPoint(base)) call(context, layerMountsPlan({ base, layers: [], from: "files" }));
    for (const { hex } of some) mkdirSync(layerMountPath(context, hex), { recursive: true, mode: 0o700 });
    const mounts = some.map(({ hex, files }) => ({ files, at: layerMountPath(context, hex) }));
    if (options.from === undefined) mountSomehow(context, mounts);
    else call(context, layerMountsPlan({ layers: mounts, from: options.from }));
  }
}

function mountSomehow(context: MountContext, layers: readonly LayerMount[], from: MountSource = "direct-files"): void {
  try {
    call(context, layerMountsPlan({ layers, from }));
  } catch (error) {
    const next = nextSource(from, error);
    if (next === undefined) throw error;
    // What has been attached before the failure is not attached again.
    mountSomehow(
      context,
      layers.filter(({ at }) => !isMountPoint(at)),
      next,
    );
  }
}

/** What else may work; undefined: the failure has another reason. */
function nextSource(from: MountSource, error: unknown): MountSource | undefined {
  if (!(error instanceof EngineError)) return undefined;
  // Before 6.15 the option is unknown.
  if (from === "direct-files" && error.message.includes("directio")) return "files";
  return from !== "loop-devices" && needsBlockDevices(error) ? "loop-devices" : undefined;
}

/** Before 6.12, and where CONFIG_EROFS_FS_BACKED_BY_FILE is not set. */
export function needsBlockDevices(error: unknown): boolean {
  return error instanceof EngineError && error.details["errno"] === errnoNumber("ENOTBLK");
}

/**
 * Takes away the mounts of layers that are stored no more: of these, or of all. Containers keep what they use.
 *
 * A mount is its layer's as long as that is stored: whoever stores a layer calls this just before it appears, and whoever removes one calls it
 * afterwards, in whichever order they come. `isStored` is asked under the lock that mounting takes, too.
 * @throws {EngineError} LAYER_MOUNT_FAILED
 */
export function unmountLayers(context: MountContext, isStored: (hex: string) => boolean, names?: readonly string[]): void {
  const isGone = (hex: string): boolean => existsSync(layerMountPath(context, hex)) && !isStored(hex);
  const found = (names ?? namesIn(layerMountsOf(context))).filter(isGone);
  if (found.length === 0) return;
  using _lock = acquireLock(context);
  unmount(
    context,
    found.filter(isGone).map((hex) => layerMountPath(context, hex)),
  );
}

/**
 * The same for layers of any data root with this run root whose files have gone, as when somebody deleted a data root.
 * @throws {EngineError} LAYER_MOUNT_FAILED
 */
export function unmountOrphans(context: MountContext): void {
  const orphans = erofsMounts(`${layerMountsBase(context.runRoot)}/`).filter(({ index }) => index.startsWith("/") && !existsSync(index));
  if (orphans.length === 0) return;
  using _lock = acquireLock(context);
  unmount(
    context,
    orphans.map(({ at }) => at).filter((at) => existsSync(at)),
  );
}

function unmount(context: MountContext, paths: readonly string[]): void {
  // Each takes away one mount of a path, and by some accident there may be several on top of each other.
  for (let mounted = paths.filter(isMountPoint); mounted.length > 0; mounted = mounted.filter(isMountPoint))
    call(context, layerUnmountPlan(mounted));
  // With the directory go the copies of the mount that other mount namespaces may have.
  for (const path of paths) rmdirSync(path);
  const base = layerMountsBase(context.runRoot);
  for (const parent of new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/"))))) removeIfEmpty(parent);
  if (namesIn(base).length > 0 || !isMountPoint(base)) return;
  call(context, layerUnmountPlan([base]));
  removeIfEmpty(base);
}

function removeIfEmpty(directory: string): void {
  if (existsSync(directory) && namesIn(directory).length === 0) rmdirSync(directory);
}

/** `index`: where that file was when it was mounted. @see proc_pid_mountinfo(5) */
function erofsMounts(beneath: string): readonly { readonly at: string; readonly index: string }[] {
  const decode = (field: string): string =>
    field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const [left = "", right = ""] = line.split(" - erofs ");
      const [, , device = "", , at = ""] = left.split(" ").map(decode);
      if (right === "" || !at.startsWith(beneath)) return [];
      return [{ at, index: fileOfLoopDevice(device) ?? decode(right.split(" ")[0] ?? "") }];
    });
}

/** By the device's numbers, `7:N`. Of a file that is gone the kernel says so behind its name. */
function fileOfLoopDevice(device: string): string | undefined {
  try {
    return readFileSync(`/sys/dev/block/${device}/loop/backing_file`, "utf8").trimEnd();
  } catch {
    return undefined;
  }
}

function isMountPoint(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.dev !== statSync(path.slice(0, path.lastIndexOf("/"))).dev;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function acquireLock({ runRoot }: MountContext): StateLock {
  const directory = `${runRoot}/layers.lock`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = StateLock.acquire(directory, "the layers of this data root");
  if (lock.followsDead) waitForOrphanedCalls();
  return lock;
}

function call({ launcher, runRoot }: MountContext, plan: LaunchPlan): void {
  if (plan.operations.length === 0) return;
  try {
    callPlan(launcher, encodePlan(plan), runRoot as HostPath);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "LAUNCH_FAILED") throw error;
    const { operation, errno, detail } = error.details as { operation: number | null; errno: number; detail: string };
    const cause = operation === null ? error : describeFailure(plan, { index: operation, errno, detail });
    throw new EngineError({
      kind: "failedPrecondition",
      code: "LAYER_MOUNT_FAILED",
      message: cause.message,
      details: { errno, detail },
      cause: error,
    });
  }
}
