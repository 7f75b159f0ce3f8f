// Layers that are mounted: several processes at once, kill -9 at any moment, a full disk. Each is stored whole and mounted once, or not there.
// timeout: 300 s
import { afterEach, beforeEach, describe, expect } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { IngestDirectory } from "../../src/content/ingest-directory.ts";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import { mountLayers } from "../../src/layers/layer-mounts.ts";
import type { MountSource } from "../../src/plan/erofs-mounts.ts";
import { layerMountsBase } from "../../src/layers/stored-layers.ts";
import { archive } from "../contracts/layer-driver.ts";
import { repository } from "../support/host-features.ts";
import { loopDevicesOf } from "../support/loop-devices.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { testLayers, unmountAllLayers } from "../support/test-layers.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

let base: string;
let root: string;
beforeEach(() => {
  base = makeTestDirectory("erofs-layers");
  root = `${base}/root`;
  mkdirSync(root);
});
afterEach(async () => {
  unmountAllLayers(`${root}-run`);
  await poll("the kernel frees the layers' devices", () => loopDevicesOf(base).length === 0);
  rmSync(base, { recursive: true, force: true });
});

const diffId = (digit: string): DiffId => `sha256:${digit.repeat(64)}` as DiffId;
const mounts = (): readonly string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${layerMountsBase(`${root}-run`)}/`));
const stored = (): readonly string[] => readdirSync(`${root}/layers`, { recursive: true, encoding: "utf8" }).sort();

function writeTar(name: string, files: number): HostPath {
  const path = `${base}/${name}.tar` as HostPath;
  writeFileSync(path, archive(...Array.from({ length: files }, (_, index) => ({ path: `d${index % 50}/f${index}`, data: String(index) }))));
  return path;
}

/** A process that has `driver`, `id(digit)` and `tar`. */
function start(tar: string, body: string, from: MountSource): ChildProcess & { readonly ended: Promise<unknown> } {
  const program = `
    const { testLayers } = await import("${repository}/test/support/test-layers.ts");
    const [root, tar, from] = process.argv.slice(2);
    const driver = testLayers(root, "erofs", { from });
    const id = (digit) => "sha256:" + digit.repeat(64);
    console.log("ready");
    ${body}`;
  writeFileSync(`${base}/program.ts`, program);
  const child = spawn(process.execPath, [`${base}/program.ts`, root, tar, from], { stdio: ["ignore", "pipe", "inherit"] });
  return Object.assign(child, { ended: once(child, "exit") });
}

describe.each(["direct-files", "loop-devices"] as const)("layers by EROFS from %s", (from) => {
  const test = requires("root", ...(from === "loop-devices" ? ["erofs", "loop"] : ["erofs-files"]));
  const create = () => testLayers(root, "erofs", { from });

  test("that several processes add and ask for at once are stored and mounted once", async () => {
    const tar = writeTar("several", 2000);
    const body = `for (const digit of ["a", "b", "c"]) {
      await driver.add(id(digit), tar);
      for (const lower of driver.lowers([id(digit)])) if (!(await import("node:fs")).existsSync(lower + "/d7/f7")) process.exit(7);
    }`;
    const children = Array.from({ length: 5 }, () => start(tar, body, from));
    for (const child of children) expect(await child.ended).toEqual([0, null]);
    expect(mounts()).toHaveLength(3);
    expect(create().list()).toHaveLength(3);
    expect(readdirSync(`${root}/layers/ingest`)).toEqual([]);
  });

  test("that processes add and remove at once are right for whoever adds last", async () => {
    const tar = writeTar("races", 500);
    const children = Array.from({ length: 3 }, () =>
      start(
        tar,
        `for (let turn = 0; turn < 12; turn++) { await driver.add(id("a"), tar).catch(() => {}); await driver.remove(id("a")); await driver.collect(); }`,
        from,
      ),
    );
    // Another process may remove it between being added and mounted: that is told, and no layer is left behind.
    for (const child of children) await child.ended;
    const driver = create();
    await driver.add(diffId("a"), tar);
    expect(readFileSync(`${driver.lowers([diffId("a")])[0]}/d7/f7`, "utf8")).toBe("7");
    expect(mounts()).toHaveLength(1);
    await driver.remove(diffId("a"));
    await driver.collect();
    expect(mounts()).toEqual([]);
    expect(stored()).toEqual(["ingest", "sha256"]);
  }, 60_000);

  test("that are mounted twice, by whatever accident, can be removed", async () => {
    const driver = create();
    await driver.add(diffId("a"), writeTar("twice", 10));
    const [lower = ""] = driver.lowers([diffId("a")]);
    expect(spawnSync("mount", ["--bind", lower, lower]).status).toBe(0);
    await driver.remove(diffId("a"));
    expect(mounts()).toEqual([]);
    expect(stored()).toEqual(["ingest", "sha256"]);
  });

  test("that a process is trying stay mounted as long as it lives, whoever collects meanwhile", async () => {
    const driver = create();
    await driver.add(diffId("a"), writeTar("tried", 10));
    const files = `${root}/layers/sha256/${"a".repeat(64)}` as HostPath;
    const ours = basename(new IngestDirectory(`${root}/layers/ingest` as HostPath).newPath());
    const context = { launcher: `${repository}/dist/launcher`, root, runRoot: `${root}-run` };
    mountLayers(
      context,
      [
        { hex: ours, files },
        { hex: "1-1-000000000000-00", files },
      ],
      { from },
    );
    await driver.collect();
    expect(mounts().filter((line) => line.includes(`/${ours} `))).toHaveLength(1);
    expect(mounts()).toHaveLength(2);
  });

  test("of a process that is killed while it adds and removes leave nothing, or all", async () => {
    const tar = writeTar("killed", 3000);
    for (let delay = 0; delay < 12; delay++) {
      const child = start(tar, `for (;;) { await driver.add(id("a"), tar); await driver.remove(id("a")); }`, from);
      await once(child.stdout ?? child, "data");
      await new Promise((resolve) => setTimeout(resolve, delay * 17));
      child.kill("SIGKILL");
      await child.ended;
      const driver = create();
      await poll("what it has started to be over", async () => {
        await driver.collect();
        // One that is killed at once has not made the directory.
        return !existsSync(`${root}/layers/ingest`) || readdirSync(`${root}/layers/ingest`).length === 0;
      });
      if (driver.has(diffId("a"))) expect(readFileSync(`${driver.lowers([diffId("a")])[0]}/d7/f7`, "utf8")).toBe("7");
      expect(mounts()).toHaveLength(driver.list().length);
      await driver.add(diffId("a"), tar);
      expect(readFileSync(`${driver.lowers([diffId("a")])[0]}/d49/f2999`, "utf8")).toBe("2999");
      await driver.remove(diffId("a"));
      expect(stored()).toEqual(["ingest", "sha256"]);
      expect(mounts()).toEqual([]);
    }
  }, 120_000);

  const testFull = requires("root", "erofs", "loop", ...(from === "loop-devices" ? [] : ["erofs-files"]));
  testFull("on a full disk are told, and nothing is left", async () => {
    const image = `${base}/disk`;
    const fd = openSync(image, "w");
    ftruncateSync(fd, 16 * 1024 * 1024);
    closeSync(fd);
    expect(spawnSync("mkfs.ext4", ["-q", image]).status).toBe(0);
    expect(spawnSync("mount", ["-o", "loop", image, root]).status).toBe(0);
    try {
      const tar = writeTar("full", 3000);
      const driver = create();
      spawnSync("sh", ["-c", `head -c 20000000 /dev/zero > ${root}/filler`]);
      for (const leave of [0, 100_000, 1_000_000]) {
        spawnSync("truncate", ["-s", `-${leave}`, `${root}/filler`]);
        const error = await driver.add(diffId("f"), tar).catch((failure: { code?: string }) => failure);
        expect(error).toMatchObject({ code: expect.stringMatching(/^(LAYER_)?NO_SPACE$|^ENOSPC$/) });
        expect(driver.list()).toEqual([]);
        expect(stored().filter((name) => name.includes("/"))).toEqual([]);
        expect(mounts()).toEqual([]);
      }
      rmSync(`${root}/filler`);
      await driver.add(diffId("f"), tar);
      expect(readFileSync(`${driver.lowers([diffId("f")])[0]}/d7/f7`, "utf8")).toBe("7");
      await driver.remove(diffId("f"));
    } finally {
      unmountAllLayers(`${root}-run`);
      expect(spawnSync("umount", [root]).status).toBe(0);
    }
  });
});
