// How layers are stored: chosen by trying, or as WHERRY_LAYER_DRIVER says; both in one data root; mounted once, and again when needed.
import { describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { layerMountsOf } from "../../src/layers/stored-layers.ts";
import { archive } from "../contracts/layer-driver.ts";
import { payloadLayer } from "../support/bulk-image.ts";
import { layerOf, makeImage, ociArchive, tarOf } from "../support/image-archives.ts";
import { loopDevicesOf } from "../support/loop-devices.ts";
import { poll, slowness } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { unmountAllLayers } from "../support/test-layers.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const needs = ["root", "binary", "overlayfs", "payload"];
const test = requires(...needs, "erofs-layers");
const testFiles = requires(...needs, "erofs-files");
const testDevicesOnly = requires(...needs, "erofs-devices-only");
const host = useWherryHost("layer-drivers", { payload: true });

const directory = { env: { WHERRY_LAYER_DRIVER: "directory" } };
const erofs = { env: { WHERRY_LAYER_DRIVER: "erofs" } };

/** Of each stored layer, the names of what it consists of. */
const forms = (): Record<string, readonly string[]> =>
  Object.fromEntries(
    readdirSync(`${host.root}/layers/sha256`).map((hex) => [hex, readdirSync(`${host.root}/layers/sha256/${hex}`).sort()]),
  );

const mounts = (): readonly string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${host.runRoot}/layers/`));

function writeArchive(name: string, text: string): string {
  const path = `${host.directory}/${name}.tar`;
  writeFileSync(path, archive({ path: name, data: text }));
  return path;
}

describe("layers", () => {
  test("are mounted from their archives where that works, once each", async () => {
    expect(Object.values(forms())).toEqual([["index", "size", "tar"]]);
    expect(await host.ok(["info"])).toContain("Layer Driver: erofs (EROFS mounts ");
    await Promise.all(["a", "b", "c"].map(() => host.ok(["run", "--rm", "payload", "exit"])));
    expect(mounts()).toHaveLength(1);
    expect(mounts()[0]).toContain(" - erofs ");
  });

  testFiles("are mounted from plain files, which is told", async () => {
    expect(await host.ok(["info"])).toContain("Layer Driver: erofs (EROFS mounts from plain files here");
    expect(loopDevicesOf(host.directory)).toEqual([]);
  });

  testDevicesOnly("are mounted over loop devices where the kernel takes nothing else, which is told", async () => {
    expect(await host.ok(["info"])).toContain(
      "Layer Driver: erofs (EROFS mounts over loop devices here, without a second copy in the page cache",
    );
    expect(await host.ok(["doctor"])).toMatch(/EROFS +.*mounts over loop devices/);
    expect(loopDevicesOf(host.directory)).toHaveLength(2);
  });

  test("an archive is kept once, whatever names it", async () => {
    await host.ok(["import", writeArchive("kept", "x".repeat(100_000)), "kept"]);
    const linked = Object.keys(forms()).map((hex) => statSync(`${host.root}/layers/sha256/${hex}/tar`));
    expect(linked.map(({ nlink }) => nlink)).toEqual([2, 2]);
    await host.ok(["rmi", "kept"]);
    expect(mounts()).toHaveLength(1);
  });

  test("of both forms stack in one container", async () => {
    await host.ok(["run", "--name", "first", "payload", "exit"]);
    writeFileSync(`${host.directory}/one`, "1");
    await host.ok(["commit", "first", "as-erofs"], erofs);
    await host.ok(["commit", "first", "as-directory"], directory);
    await host.ok(["rm", "first"]);
    const kinds = Object.values(forms()).map((names) => names.join(" "));
    expect(kinds.sort()).toEqual(["index size tar", "index size tar"]);
    await host.ok(["import", writeArchive("plain", "of a directory"), "plain"], directory);
    expect(Object.values(forms()).map((names) => names.join(" "))).toContain("size tree");
    await host.ok(["rmi", "as-erofs", "as-directory", "plain"]);
  });

  test("are mounted again where they are not any more", async () => {
    unmountAllLayers(host.runRoot);
    expect(mounts()).toEqual([]);
    const runs = await Promise.all(Array.from({ length: 4 }, () => host.wherry(["run", "--rm", "payload", "exit", "3"])));
    expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array.from({ length: 4 }, () => ({ code: 3, stderr: "" })));
    expect(mounts()).toHaveLength(1);
  });

  test("that can't be mounted are told", async () => {
    unmountAllLayers(host.runRoot);
    const [hex = ""] = Object.keys(forms());
    const index = `${host.root}/layers/sha256/${hex}/index`;
    const whole = readFileSync(index);
    writeFileSync(index, Buffer.alloc(whole.length));
    const broken = await host.wherry(["run", "--rm", "payload", "exit"]);
    expect(broken.code).toBe(125);
    expect(broken.stderr).toContain(`mount layer \`${host.root}/layers/sha256/${hex}\``);
    writeFileSync(index, whole);
    expect(await host.ok(["run", "--rm", "payload", "exit"])).toBe("");
  });

  test("are unmounted when they are removed, with what is left of others", async () => {
    await host.ok(["import", writeArchive("gone", "y"), "gone"]);
    expect(mounts()).toHaveLength(2);
    await host.ok(["rmi", "gone"]);
    expect(mounts()).toHaveLength(1);
    expect(readdirSync(layerMountsOf(host))).toHaveLength(1);
  });

  test("of a data root that was deleted are unmounted by whoever collects next", async () => {
    const other = `${host.directory}/other`;
    await host.ok(["--root", other, "import", writeArchive("orphan", "z"), "orphan"]);
    expect(mounts()).toHaveLength(2);
    rmSync(other, { recursive: true });
    await host.ok(["import", writeArchive("next", "z2"), "next"]);
    await host.ok(["rmi", "next"]);
    expect(mounts()).toHaveLength(1);
  });

  test("of a running container stay with it when they are unmounted", async () => {
    await host.ok(["run", "-d", "--name", "box", "payload", "sleep"]);
    unmountAllLayers(host.runRoot);
    expect((await host.wherry(["exec", "box", "/payload", "exit", "4"])).code).toBe(4);
    await host.ok(["rm", "-f", "box"]);
  });
});

describe("an image of 128 layers", () => {
  const count = 128;

  test(
    "is loaded, found in containers, mounted again and unmounted",
    async () => {
      const before = mounts();
      const layers = Array.from({ length: count - 1 }, (_, number) => layerOf(`layer-${number}`));
      const image = makeImage([payloadLayer(), ...layers], { Entrypoint: ["/payload"] });
      await host.ok(["load"], { stdin: tarOf(ociArchive(image, "deep:1")) });
      expect(mounts()).toHaveLength(before.length + count);
      // The program comes from the lowest layer, the file from the topmost.
      const top = `layer-${count - 2}`;
      const command = ["run", "--rm", "deep:1", "try", "read", `/${top}`];
      expect(await host.ok(command)).toContain(`${top}\n`);
      unmountAllLayers(host.runRoot);
      expect(await host.ok(command)).toContain(`${top}\n`);
      expect(mounts()).toHaveLength(count);
      await host.ok(["rmi", "deep:1"]);
      expect(mounts()).toEqual([]);
      await poll("the devices are free", () => loopDevicesOf(host.directory).length === 0);
    },
    60_000 * slowness,
  );
});

describe("WHERRY_LAYER_DRIVER", () => {
  test("of a value that is none is refused", async () => {
    const result = await host.wherry(["info"], { env: { WHERRY_LAYER_DRIVER: "btrfs" } });
    expect(result.stderr).toContain("WHERRY_LAYER_DRIVER: `btrfs` is none of auto, directory, erofs");
  });

  test("erofs where it is not to be had is refused, and chosen by itself it is not", async () => {
    const tmpfs = `${host.directory}/tmpfs`;
    spawnSync("mkdir", [tmpfs]);
    spawnSync("mount", ["-t", "tmpfs", "tmpfs", tmpfs]);
    try {
      const roots = ["--root", `${tmpfs}/root`, "--run-root", `${tmpfs}/run`];
      expect(await host.ok([...roots, "info"])).toContain("Layer Driver: directory (EROFS can't be mounted from plain files here");
      const refused = await host.wherry([...roots, "import", writeArchive("x", "x"), "x"], erofs);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain("store layers by EROFS, as WHERRY_LAYER_DRIVER asks");
      expect(await host.ok([...roots, "import", writeArchive("x", "x"), "x"])).toContain("sha256:");
      expect(existsSync(`${tmpfs}/run/layers`)).toBe(false);
    } finally {
      spawnSync("umount", [tmpfs]);
    }
  });
});
