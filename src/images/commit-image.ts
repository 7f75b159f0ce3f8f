import type { HostPath, ImageId } from "../core/brands.ts";
import type { ImageHost } from "./image-host.ts";
import type { ImageConfig } from "./image-view.ts";

/** What commit needs to know of the container. */
export interface CommitInput {
  readonly containerId: string;
  readonly upper: HostPath;
  /** Top first, as the driver gave them. */
  readonly lowers: readonly HostPath[];
  readonly parentImage: ImageId;
  /** The container's configuration, which becomes the image's. */
  readonly config: ImageConfig;
  /** The command that ran, for the history. */
  readonly command: readonly string[];
  /** Host ids from `from` on are the container's from 0 on (a user namespace without id-mapped mounts). */
  readonly uidShift?: { readonly from: number; readonly count: number };
  readonly reference?: string;
  readonly message?: string;
  readonly author?: string;
  readonly changes?: readonly string[];
}

export async function commitImage(_host: ImageHost, _input: CommitInput): Promise<ImageId> {
  throw new Error("to come");
}
