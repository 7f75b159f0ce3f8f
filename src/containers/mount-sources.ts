import { statSync } from "node:fs";
import type { DiffId, HostPath } from "../core/brands.ts";
import type { ContainerOptions, MountOption } from "../spec/container-options.ts";
import { idRangeSize } from "../spec/build-config.ts";
import { type MountMappings, mountMappings } from "../spec/id-map.ts";
import type { VolumeSource } from "../spec/mounts.ts";
import { cleanPath } from "../spec/mounts.ts";
import { getVolume } from "../state/volume-rows.ts";
import { parseBacking } from "../volumes/local-driver.ts";
import { volumePaths } from "../volumes/volume-paths.ts";
import type { ContainerHost } from "./container-host.ts";

/** What the mounts of a container are made from, beyond what its options say. */
export interface MountSources {
  readonly volumes: ReadonlyMap<string, VolumeSource>;
  /** By destination. */
  readonly idMaps: ReadonlyMap<string, MountMappings>;
  /** By destination. */
  readonly subpaths: Readonly<Record<string, string>>;
  readonly layerMounts: Readonly<Record<string, readonly HostPath[]>>;
  /** Destinations of mounts of a subpath that is no directory. */
  readonly fileSubpaths: readonly string[];
}

/**
 * Looks up the volumes and layers that a container's mounts name. A volume that is not stored yet is taken for what it will be, by the
 * options of its mount: `create` checks options before it makes anything.
 */
export function mountSources(host: ContainerHost, options: ContainerOptions, idBase: number | null): MountSources {
  const volumes = new Map<string, VolumeSource>();
  const idMaps = new Map<string, MountMappings>();
  const subpaths: Record<string, string> = {};
  const layerMounts: Record<string, readonly HostPath[]> = {};
  const fileSubpaths: string[] = [];
  for (const mount of options.mounts ?? []) {
    const destination = cleanPath(mount.target);
    if (mount.type === "volume" && mount.source !== undefined) volumes.set(mount.source, volumeSource(host, mount.source, mount));
    if (mount.type === "image") layerMounts[destination] = host.layers.lowers((mount.layers ?? []) as readonly DiffId[]);
    const mappings =
      mount.idmap === undefined ? null : mountMappings(mount.idmap, idBase === null ? null : { base: idBase, size: idRangeSize });
    if (mappings !== null) idMaps.set(destination, mappings);
    if (mount.subpath === undefined) continue;
    subpaths[destination] = mount.subpath;
    if (isFile(rootOf(volumes.get(mount.source ?? ""), layerMounts[destination]), mount.subpath)) fileSubpaths.push(destination);
  }
  return { volumes, idMaps, subpaths, layerMounts, fileSubpaths };
}

function volumeSource(host: ContainerHost, name: string, mount: MountOption): VolumeSource {
  const backing = parseBacking(name, getVolume(host.store, name)?.options ?? mount.volume?.driverOptions ?? {});
  switch (backing.kind) {
    case "directory":
      return { kind: "directory", path: volumePaths(host.root, name).data, readonly: false };
    case "bind":
      return { kind: "directory", path: backing.device, readonly: backing.readonly };
    case "tmpfs":
      return backing;
    default:
      return backing satisfies never;
  }
}

/** Where a subpath may be; of an image, any layer. */
function rootOf(volume: VolumeSource | undefined, layers: readonly HostPath[] | undefined): readonly string[] {
  return layers ?? (volume?.kind === "directory" ? [volume.path] : []);
}

/** Only what kind of place it is to be mounted on depends on this; the plan itself finds the path, safely. */
function isFile(roots: readonly string[], subpath: string): boolean {
  for (const root of roots) {
    const found = statSync(`${root}/${subpath}`, { throwIfNoEntry: false });
    if (found !== undefined) return !found.isDirectory();
  }
  return false;
}
