import { afterAll } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { DirectoryLayerDriver } from "../../src/layers/directory-driver.ts";
import { layerDriverContract } from "../contracts/layer-driver.ts";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const test = requires("root", "overlayfs");
const launcher = `${repository}/dist/launcher`;
const directory = makeTestDirectory("layers");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

layerDriverContract({
  name: "directory",
  test,
  launcher,
  directory: () => directory,
  create: (root) => new DirectoryLayerDriver(root, launcher),
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
