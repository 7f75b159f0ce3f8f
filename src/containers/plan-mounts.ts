import { EngineError } from "../core/engine-error.ts";
import { invalidOption } from "../core/invalid-option.ts";
import type { RunnableImage } from "../images/runnable-image.ts";
import { resolveImage } from "../images/resolve-image.ts";
import type { ContainerOptions, MountOption } from "../spec/container-options.ts";
import { mountOfPath } from "../kernel/mount-of-path.ts";
import { cleanPath } from "../spec/mounts.ts";
import { findContainer } from "../state/container-table.ts";
import type { VolumeRow, VolumeUse } from "../state/volume-rows.ts";
import { newVolume } from "../volumes/create-volume.ts";
import type { ContainerHost } from "./container-host.ts";
import type { PlannedMounts } from "./planned-mounts.ts";

/** An image may name any number of volumes, and each costs a directory, rows and a good part of a plan. */
const mostMounts = 250;

/**
 * Unites the mounts that were asked for with those of other containers (`--volumes-from`) and the image's `VOLUME`s, in docker's order of
 * precedence: the first win, an image's volume gives way to anything. Nothing is stored.
 * @throws {EngineError} INVALID_OPTION, CONTAINER_NOT_FOUND, VOLUME_DRIVER_UNKNOWN
 * @see moby daemon/volumes.go registerMountPoints
 */
export function planMounts(host: ContainerHost, options: ContainerOptions, image: RunnableImage): PlannedMounts {
  const given = options.mounts ?? [];
  // `-v /path` asks for what a VOLUME of the image would; it is no second mount where there is one.
  const isPlain = (mount: MountOption) => mount.type === "volume" && mount.source === undefined && mount.origin === undefined;
  const own = given.filter((mount) => !isPlain(mount));
  const taken = new Set<string>();
  for (const { target } of own) {
    if (taken.has(cleanPath(target))) throw invalidOption(`Duplicate mount point: ${cleanPath(target)}`);
    taken.add(cleanPath(target));
  }
  checkPropagation(own);
  const others = new Map<string, MountOption>();
  for (const reference of options.volumesFrom ?? []) {
    for (const mount of mountsOf(host, reference)) if (!taken.has(mount.target)) others.set(mount.target, mount);
  }
  const plain = new Map<string, MountOption>();
  for (const mount of [...given.filter(isPlain), ...image.config.volumes.map(imageVolume)]) {
    const target = cleanPath(mount.target);
    if (!taken.has(target) && !others.has(target) && !plain.has(target)) plain.set(target, mount);
  }
  const all = [...own, ...others.values(), ...plain.values()];
  if (all.length > mostMounts)
    throw invalidOption(`${all.length} mounts, those of the image's VOLUMEs included: at most ${mostMounts} are possible`);
  const odd = all.find(({ target }) => target.includes("\0"));
  if (odd !== undefined) throw invalidOption(`invalid mount target ${JSON.stringify(odd.target)}: it contains a NUL byte`);
  return resolveAll(host, options, all);
}

/** `VOLUME data` in a Dockerfile, and a list there that is no JSON, make relative ones: docker takes them from the root. */
function imageVolume(target: string): MountOption {
  return { type: "volume", target: target.startsWith("/") ? target : `/${target}`, origin: "image" };
}

/** As docker: what another container binds or has as a volume, never what is only in its memory. */
function mountsOf(host: ContainerHost, reference: string): MountOption[] {
  const colon = reference.indexOf(":");
  const [name, mode] = colon < 0 ? [reference, "rw"] : [reference.slice(0, colon), reference.slice(colon + 1)];
  if (name === "") throw invalidOption("--volumes-from: the container's name is empty: use CONTAINER[:ro|rw]");
  if (!/^(ro|rw)?(,?[zZ])?$/.test(mode)) throw invalidOption(`invalid mode: ${mode}`);
  const { mounts = [] } = JSON.parse(findContainer(host.store, name).options) as ContainerOptions;
  return mounts
    .filter(({ type }) => type === "bind" || type === "volume")
    .map((mount) => ({
      ...mount,
      target: cleanPath(mount.target),
      origin: "volumes-from" as const,
      ...(mode.startsWith("ro") ? { readonly: true } : {}),
    }));
}

/** Not the container's own image, which whoever meets IMAGE_NOT_FOUND would pull. */
function mountedImage(host: ContainerHost, reference: string): RunnableImage {
  try {
    return resolveImage(host.store, reference);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "IMAGE_NOT_FOUND") throw error;
    throw invalidOption(`invalid mount config for type "image": ${error.message}: bring it in first with wherry pull`);
  }
}

/** As docker: a bind that is to share mounts with the host must lie where mounts are shared. */
function checkPropagation(mounts: readonly MountOption[]): void {
  for (const { type, source = "/", propagation = "" } of mounts) {
    if (type !== "bind" || !/shared|slave/.test(propagation)) continue;
    const { mountPoint, shared, slave } = mountOfPath(source);
    if (propagation.endsWith("shared") && !shared)
      throw invalidOption(`path ${source} is mounted on ${mountPoint} but it is not a shared mount`);
    if (!shared && !slave) throw invalidOption(`path ${source} is mounted on ${mountPoint} but it is not a shared or slave mount`);
  }
}

function resolveAll(host: ContainerHost, options: ContainerOptions, mounts: readonly MountOption[]): PlannedMounts {
  const volumes = new Map<string, VolumeRow>();
  const uses: Omit<VolumeUse, "container">[] = [];
  const images: Pick<RunnableImage, "id" | "diffIds">[] = [];
  const resolved = mounts.map((mount): MountOption => {
    if (mount.type === "image") {
      const found = mountedImage(host, mount.source ?? "");
      images.push(found);
      return { ...mount, layers: found.diffIds };
    }
    if (mount.type !== "volume") return mount;
    const { driver, labels, driverOptions } = mount.volume ?? {};
    const row = newVolume({
      ...(mount.source === undefined ? {} : { name: mount.source }),
      ...(driver === undefined ? {} : { driver }),
      ...(labels === undefined ? {} : { labels }),
      ...(driverOptions === undefined ? {} : { driverOptions }),
    });
    if (!volumes.has(row.name)) volumes.set(row.name, row);
    const anonymous = mount.source === undefined || mount.volumeIsAnonymous === true;
    uses.push({
      target: cleanPath(mount.target),
      volume: row.name,
      anonymous,
      goes: anonymous && options.autoRemove === true,
      fill: mount.origin !== "volumes-from" && mount.volume?.noCopy !== true && mount.subpath === undefined,
    });
    return { ...mount, source: row.name, ...(anonymous ? { volumeIsAnonymous: true } : {}) };
  });
  return {
    options: { ...options, ...(resolved.length === 0 ? {} : { mounts: resolved }) },
    volumes: [...volumes.values()],
    uses,
    images,
  };
}
