import type { HostPath } from "../core/brands.ts";

/** Where a volume's files lie. Its name has been checked (`checkVolumeName`), so that it is one component and no dot. */
export interface VolumePaths {
  readonly directory: HostPath;
  /** What containers mount: docker's mount point. */
  readonly data: HostPath;
  /** An image's content on its way into the volume, until it is whole. */
  readonly partial: HostPath;
  /** The same, whole: moved into `data`, entry by entry. */
  readonly filling: HostPath;
}

/** Beneath it all volumes lie; root's alone, since what is in them may be set-user-ID (CVE-2021-41091). */
export function volumesDirectory(root: string): HostPath {
  return `${root}/volumes` as HostPath;
}

export function volumePaths(root: string, name: string): VolumePaths {
  const directory = `${volumesDirectory(root)}/${name}`;
  const path = (entry: string) => `${directory}/${entry}` as HostPath;
  return { directory: directory as HostPath, data: path("_data"), partial: path("_partial"), filling: path("_filling") };
}
