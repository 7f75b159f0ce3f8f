import { afterAll } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { layerDriverContract } from "../contracts/layer-driver.ts";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";
import { testLayers, unmountAllLayers } from "../support/test-layers.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const directory = makeTestDirectory("layers");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

for (const name of ["directory", "erofs"] as const) {
  layerDriverContract({
    name,
    test: name === "erofs" ? requires("root", "overlayfs", "erofs-files") : requires("root", "overlayfs"),
    launcher: `${repository}/dist/launcher`,
    directory: () => directory,
    create: (root) => testLayers(root, name),
    close: (root) => unmountAllLayers(`${root}-run`),
    mount: (lowers, at) => {
      // overlayfs wants two lowers when it has no upper
      const empty = `${directory}/empty`;
      mkdirSync(empty, { recursive: true });
      const options = `lowerdir=${[...lowers, empty].join(":")}`;
      const done = spawnSync("mount", ["-t", "overlay", "overlay", "-o", options, at], { encoding: "utf8" });
      if (done.status !== 0) throw new Error(done.stderr);
      return () => spawnSync("umount", [at]);
    },
  });
}
