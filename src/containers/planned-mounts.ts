import type { RunnableImage } from "../images/runnable-image.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { VolumeRow, VolumeUse } from "../state/volume-rows.ts";

/** What a container's mounts need besides its row. */
export interface PlannedMounts {
  /** With every mount that the container will have, anonymous volumes by name. */
  readonly options: ContainerOptions;
  /** To be made unless they are there. */
  readonly volumes: readonly VolumeRow[];
  readonly uses: readonly Omit<VolumeUse, "container">[];
  /** Images that are mounted. */
  readonly images: readonly Pick<RunnableImage, "id" | "diffIds">[];
}
