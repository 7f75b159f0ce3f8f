import type { ContainerId, HostPath } from "../core/brands.ts";

/** The lowest layer of every container (`layers/mount-points-layer.ts`); the number changes with what is in it. */
export function mountPointsPath(root: string): HostPath {
  return `${root}/mount-points-2` as HostPath;
}

/** Where one container's files lie. What is under `run` is gone after a reboot, as the processes are. */
export interface ContainerPaths {
  readonly directory: HostPath;
  /** The overlay's read-write layer; its root directory is the container's `/`. */
  readonly upper: HostPath;
  readonly work: HostPath;
  readonly links: HostPath;
  /**
   * The container's /etc/hosts, /etc/hostname and /etc/resolv.conf, written anew at each start. Not in `run`: what the container writes to
   * them would fill a memory file system of the host's.
   */
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
    hosts: path("hosts"),
    hostname: path("hostname"),
    resolvConf: path("resolv.conf"),
    log: path("log"),
    run: `${runRoot}/${id}` as HostPath,
  };
}
