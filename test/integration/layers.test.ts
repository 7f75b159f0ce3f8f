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

const drivers = [
  { name: "directory", needs: [], create: (root: string) => testLayers(root, "directory") },
  { name: "erofs", needs: ["erofs-layers"], create: (root: string) => testLayers(root, "erofs") },
  {
    name: "erofs over loop devices",
    // Elsewhere those before are over loop devices already.
    needs: ["erofs-files", "loop"],
    create: (root: string) => testLayers(root, "erofs", { from: "loop-devices" }),
  },
];

for (const { name, needs, create } of drivers) {
  layerDriverContract({
    name,
    test: requires("root", "overlayfs", ...needs),
    launcher: `${repository}/dist/launcher`,
    directory: () => directory,
    create,
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
