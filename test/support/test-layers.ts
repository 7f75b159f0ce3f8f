import { ChosenLayerDriver } from "../../src/layers/chosen-driver.ts";
import { DirectoryLayerDriver } from "../../src/layers/directory-driver.ts";
import { ErofsLayerDriver } from "../../src/layers/erofs-driver.ts";
import type { LayerDriver } from "../../src/layers/layer-driver.ts";
import { layerMountsBase } from "../../src/layers/stored-layers.ts";
import { mountLayers } from "../../src/layers/layer-mounts.ts";
import { spawnSync } from "node:child_process";
import { rmSync, existsSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import type { MountSource } from "../../src/plan/erofs-mounts.ts";
import { repository } from "./host-features.ts";

const launcher = `${repository}/dist/launcher`;

/** A driver on a data root, with its mounts beneath `ROOT-run`: the one that this host is given, or that one. */
export function testLayers(root: string, name?: "directory" | "erofs", mounts: { readonly from?: MountSource } = {}): LayerDriver {
  const context = { launcher, root, runRoot: `${root}-run` };
  const mountMissing = (names: readonly string[]): void =>
    mountLayers(
      context,
      names.map((hex) => ({ hex, files: `${root}/layers/sha256/${hex}` as HostPath })),
      mounts,
    );
  const site = { ...context, mountMissing };
  if (name === undefined) return new ChosenLayerDriver(site);
  return name === "erofs" ? new ErofsLayerDriver(site, mounts) : new DirectoryLayerDriver(site);
}

/** Takes away all layers' mounts of a run root. */
export function unmountAllLayers(runRoot: string): void {
  const base = layerMountsBase(runRoot);
  if (existsSync(base)) spawnSync("umount", ["-R", base]);
  rmSync(base, { recursive: true, force: true });
}
