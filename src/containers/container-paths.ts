import type { ContainerId, HostPath } from "../core/brands.ts";

/** The lowest layer of every container (`layers/mount-points-layer.ts`); the number changes with what is in it. */
export function mountPointsPath(root: string): HostPath {
  return `${root}/mount-points-1` as HostPath;
}

/** Where one container's files lie. What is under `run` is gone after a reboot, as the processes are. */
export interface ContainerPaths {
  readonly directory: HostPath;
  /** The overlay's read-write layer; its root directory is the container's `/`. */
  readonly upper: HostPath;
  readonly work: HostPath;
  readonly links: HostPath;
  /** Where the root file system is attached, in the container's own mount namespace only. */
  readonly rootfs: HostPath;
  readonly hosts: HostPath;
  readonly hostname: HostPath;
  readonly resolvConf: HostPath;
  readonly log: HostPath;
  readonly run: HostPath;
}

export function containerPaths(root: string, runRoot: string, id: ContainerId): ContainerPaths {
  const directory = `${root}/containers/${id}`;
  const path = (name: string) => `${directory}/${name}` as HostPath;
  return {
    directory: directory as HostPath,
    upper: path("upper"),
    work: path("work"),
    links: path("links"),
    rootfs: path("rootfs"),
    hosts: path("hosts"),
    hostname: path("hostname"),
    resolvConf: path("resolv.conf"),
    log: path("log"),
    run: `${runRoot}/${id}` as HostPath,
  };
}
