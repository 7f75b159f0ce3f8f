import { statSync } from "node:fs";
import type { DiffId, HostPath } from "../core/brands.ts";
import type { OciMount } from "../plan/oci-config.ts";
import type { ContainerOptions, MountOption } from "../spec/container-options.ts";
import { idRangeSize } from "../spec/build-config.ts";
import { type MountMappings, mountMappings } from "../spec/id-map.ts";
import { cleanPath } from "../spec/mounts.ts";
import { imageMount, volumeMount, type VolumeSource } from "../spec/volume-mount.ts";
import { getVolume } from "../state/volume-rows.ts";
import { parseBacking } from "../volumes/local-driver.ts";
import { volumePaths } from "../volumes/volume-paths.ts";
import type { ContainerHost } from "./container-host.ts";

/** What the mounts of a container are made from, beyond what its options say. All but `fileSubpaths` by destination. */
export interface MountSources {
  readonly found: ReadonlyMap<string, OciMount>;
  readonly idMaps: ReadonlyMap<string, MountMappings>;
  readonly subpaths: Readonly<Record<string, string>>;
  readonly layerMounts: Readonly<Record<string, readonly HostPath[]>>;
  /** Destinations of mounts of a subpath that is no directory. */
  readonly fileSubpaths: readonly string[];
}

/**
 * Looks up the volumes and layers that a container's mounts name. A volume that is not stored yet is taken for what it will be, by the
 * options of its mount: `create` checks options before it makes anything.
 * @throws {EngineError} INVALID_OPTION, LAYER_MOUNT_FAILED
 */
export function mountSources(host: ContainerHost, options: ContainerOptions, idBase: number | null): MountSources {
  const found = new Map<string, OciMount>();
  const idMaps = new Map<string, MountMappings>();
  const subpaths: Record<string, string> = {};
  const layerMounts: Record<string, readonly HostPath[]> = {};
  const fileSubpaths: string[] = [];
  const ids = idBase === null ? null : { base: idBase, size: idRangeSize };
  for (const mount of options.mounts ?? []) {
    const destination = cleanPath(mount.target);
    const mappings = mount.idmap === undefined ? null : mountMappings(mount.idmap, ids);
    if (mappings !== null) idMaps.set(destination, mappings);
    let roots: readonly string[] = [];
    if (mount.type === "volume") {
      const source = volumeSource(host, mount.source ?? "", mount);
      found.set(destination, volumeMount(mount, source, { destination, userNamespace: ids !== null, mappings }));
      if (source.kind === "directory") roots = [source.path];
    } else if (mount.type === "image") {
      found.set(destination, imageMount(mount, destination));
      roots = layerMounts[destination] = host.layers.lowers((mount.layers ?? []) as readonly DiffId[]);
    }
    if (mount.subpath === undefined) continue;
    subpaths[destination] = mount.subpath;
    if (isFile(roots, mount.subpath)) fileSubpaths.push(destination);
  }
  return { found, idMaps, subpaths, layerMounts, fileSubpaths };
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

/** Only what kind of place it is to be mounted on depends on this; the plan itself finds the path, safely. */
function isFile(roots: readonly string[], subpath: string): boolean {
  for (const root of roots) {
    const found = statSync(`${root}/${subpath}`, { throwIfNoEntry: false });
    if (found !== undefined) return !found.isDirectory();
  }
  return false;
}
