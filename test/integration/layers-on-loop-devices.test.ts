// Layers of EROFS over loop devices, as before Linux 6.12: what the devices are like, when they go, what happens where there are none.
// timeout: 180 s
import { afterEach, beforeEach, expect } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import { ErofsLayerDriver } from "../../src/layers/erofs-driver.ts";
import { layerMountsBase } from "../../src/layers/stored-layers.ts";
import { archive } from "../contracts/layer-driver.ts";
import { repository } from "../support/host-features.ts";
import { loopDevicesOf } from "../support/loop-devices.ts";
import { poll, slowness } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { testLayers, unmountAllLayers } from "../support/test-layers.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const test = requires("root", "overlayfs", "erofs", "loop", "busybox");
const loop = { from: "loop-devices" } as const;

let base: string;
let root: string;
beforeEach(() => {
  base = makeTestDirectory("loop-layers");
  root = `${base}/root`;
  mkdirSync(root);
});
afterEach(async () => {
  unmountAllLayers(`${root}-run`);
  await areFree();
  rmSync(base, { recursive: true, force: true });
});

const areFree = () => poll("the devices are free", () => loopDevicesOf(base).length === 0);
const diffId = (number: number): DiffId => `sha256:${String(number).padStart(64, "0")}` as DiffId;
const isMounted = (path: string): boolean => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);

function writeTar(name: string, data: string): HostPath {
  const path = `${base}/${name}.tar` as HostPath;
  writeFileSync(path, archive({ path: name, data }));
  return path;
}

/** Stacks them with a writable layer, as a container does. */
function mountOverlay(lowers: readonly string[]): { readonly at: string; readonly unmount: () => void } {
  const [at = "", upper, work] = ["merged", "upper", "work"].map((name) => `${base}/${name}`);
  for (const directory of [at, upper ?? "", work ?? ""]) mkdirSync(directory, { recursive: true });
  // mount(2) takes 4,095 bytes: the names are short, seen from where they are.
  const directory = lowers[0]?.slice(0, lowers[0].lastIndexOf("/")) ?? "/";
  const names = lowers.map((lower, index) => {
    const link = `${directory}/${index}`;
    expect(spawnSync("ln", ["-s", lower, link]).status).toBe(0);
    return String(index);
  });
  const options = `lowerdir=${names.join(":")},upperdir=${upper},workdir=${work}`;
  // busybox hands the options to mount(2) as they are.
  const done = spawnSync("busybox", ["mount", "-t", "overlay", "-o", options, "overlay", at], { cwd: directory, encoding: "utf8" });
  for (const name of names) rmSync(`${directory}/${name}`);
  if (done.status !== 0) throw new Error(done.stderr);
  return { at, unmount: () => expect(spawnSync("umount", [at]).status).toBe(0) };
}

/** Runs it in a process whose /dev is small: null, and what `more` adds. */
function withoutDevices(body: string, more = ""): string {
  const program = `
    const { testLayers } = await import("${repository}/test/support/test-layers.ts");
    const [root, tar] = process.argv.slice(2);
    ${body}`;
  writeFileSync(`${base}/program.ts`, program);
  const hide = `mkdir -p ${base}/dev && mount -t tmpfs none ${base}/dev && cp -a /dev/null /dev/urandom ${base}/dev && ${more || "true"} && mount --move ${base}/dev /dev`;
  const { stdout, stderr } = spawnSync(
    "unshare",
    ["-m", "sh", "-c", `${hide} && exec "$@"`, "sh", process.execPath, `${base}/program.ts`, root, writeTar("hidden", "x")],
    { encoding: "utf8" },
  );
  return stdout + stderr;
}

test("a layer has two, which can't be written and go by themselves", async () => {
  const driver = testLayers(root, "erofs", loop);
  await driver.add(diffId(1), writeTar("file", "text"));
  const files = `${root}/layers/sha256/${diffId(1).slice(7)}`;
  const devices = loopDevicesOf(base);
  expect(devices.map(({ file }) => file).sort()).toEqual([`${files}/index`, `${files}/tar`]);
  for (const device of devices) expect(device).toMatchObject({ readOnly: true, autoclear: true });
  await driver.remove(diffId(1));
  await areFree();
});

test("they stay as long as a container uses its layers", async () => {
  const driver = testLayers(root, "erofs", loop);
  await driver.add(diffId(1), writeTar("file", "text".repeat(100_000)));
  const overlay = mountOverlay(driver.lowers([diffId(1)]));
  await driver.remove(diffId(1));
  expect(readFileSync(`${overlay.at}/file`, "utf8")).toBe("text".repeat(100_000));
  expect(loopDevicesOf(base).map(({ file }) => file.replace(/.* /, ""))).toEqual(["(deleted)", "(deleted)"]);
  overlay.unmount();
  await areFree();
});

test("layers are mounted anew when a reboot has taken all away", async () => {
  await testLayers(root, "erofs", loop).add(diffId(1), writeTar("file", "text"));
  unmountAllLayers(`${root}-run`);
  await areFree();
  const [lower = ""] = testLayers(root, "erofs", loop).lowers([diffId(1)]);
  expect(readFileSync(`${lower}/file`, "utf8")).toBe("text");
  expect(loopDevicesOf(base)).toHaveLength(2);
});

test("layers of a data root that was deleted are unmounted by whoever collects next", async () => {
  const other = `${base}/other`;
  mkdirSync(other);
  const site = { launcher: `${repository}/dist/launcher`, root: other, runRoot: `${root}-run`, mountMissing: () => {} };
  const deleted = new ErofsLayerDriver(site, loop);
  await deleted.add(diffId(1), writeTar("file", "text"));
  const [lower = ""] = deleted.lowers([diffId(1)]);
  expect(isMounted(lower)).toBe(true);
  const driver = testLayers(root, "erofs", loop);
  await driver.add(diffId(2), writeTar("kept", "text"));
  rmSync(other, { recursive: true });
  await driver.collect();
  expect(isMounted(lower)).toBe(false);
  await poll("the devices are free", () => loopDevicesOf(base).length === 2);
  expect(readFileSync(`${driver.lowers([diffId(2)])[0]}/kept`, "utf8")).toBe("text");
});

test("layers of both drivers stack", async () => {
  await testLayers(root, "directory").add(diffId(1), writeTar("unpacked", "1"));
  const driver = testLayers(root, "erofs", loop);
  await driver.add(diffId(2), writeTar("mounted", "2"));
  const overlay = mountOverlay(driver.lowers([diffId(1), diffId(2)]));
  expect(["unpacked", "mounted"].map((name) => readFileSync(`${overlay.at}/${name}`, "utf8"))).toEqual(["1", "2"]);
  overlay.unmount();
});

const many = 128;
test(
  `an image of ${many} layers has ${2 * many}, and they go again`,
  async () => {
    const driver = testLayers(root, "erofs", loop);
    await driver.add(diffId(0), writeTar("file", "text"));
    const stored = (number: number): string => `${root}/layers/sha256/${diffId(number).slice(7)}`;
    const layers = Array.from({ length: many }, (_, number) => diffId(number));
    for (let number = 1; number < many; number++) {
      mkdirSync(stored(number));
      for (const name of ["index", "tar", "size"]) linkSync(`${stored(0)}/${name}`, `${stored(number)}/${name}`);
    }
    const lowers = driver.lowers(layers);
    expect(loopDevicesOf(base)).toHaveLength(2 * many);
    const overlay = mountOverlay(lowers);
    expect(readFileSync(`${overlay.at}/file`, "utf8")).toBe("text");
    overlay.unmount();
    unmountAllLayers(`${root}-run`);
    await areFree();
  },
  30_000 * slowness,
);

test(
  "several that take devices at once get each its own",
  async () => {
    const body = `
    const { testLayers } = await import("${repository}/test/support/test-layers.ts");
    const [root, tar] = process.argv.slice(2);
    const driver = testLayers(root, "erofs", { from: "loop-devices" });
    for (let number = 0; number < 6; number++) {
      await driver.add("sha256:" + String(number).padStart(64, "0"), tar);
      await driver.remove("sha256:" + String(number).padStart(64, "0"));
    }`;
    writeFileSync(`${base}/program.ts`, body);
    const tar = writeTar("file", "text");
    const roots = Array.from({ length: 4 }, (_, index) => `${base}/root-${index}`);
    const children = roots.map((own) => {
      mkdirSync(own);
      return spawn(process.execPath, [`${base}/program.ts`, own, tar], { stdio: "inherit" });
    });
    expect(await Promise.all(children.map((child) => once(child, "exit")))).toEqual(roots.map(() => [0, null]));
    for (const own of roots) unmountAllLayers(`${own}-run`);
  },
  30_000 * slowness,
);

test("where there are none, that is told", () => {
  const add = `
    const error = await testLayers(root, "erofs", { from: "loop-devices" }).add("sha256:" + "a".repeat(64), tar).catch((failure) => failure);
    console.log(error.code, error.message);`;
  const layer = `mount layer \`${root}/layers/sha256/${"a".repeat(64)}\``;
  expect(withoutDevices(add)).toContain(`LAYER_MOUNT_FAILED ${layer}: no such file or directory: /dev/loop-control (step 1 of`);
  rmSync(`${root}/layers`, { recursive: true });
  const control = `cp -a /dev/loop-control ${base}/dev`;
  expect(withoutDevices(add, control)).toMatch(/no such file or directory: \/dev\/loop\d+ \(step 1 of/);
});

test("those that vanish later in a boot are not relied upon: another way is chosen", async () => {
  await testLayers(root).choice();
  const file = `${root}-run/layer-driver`;
  const { key } = JSON.parse(readFileSync(file, "utf8")) as { key: string };
  const remember = (probe: object) => writeFileSync(file, JSON.stringify({ key, probe }));
  const add = `
    const driver = testLayers(root);
    console.log(JSON.stringify(await driver.choice()));
    await driver.add("sha256:" + "a".repeat(64), tar);
    console.log("added", driver.lowers(["sha256:" + "a".repeat(64)]).length);`;
  for (const more of ["", `cp -a /dev/loop-control ${base}/dev`]) {
    remember({ name: "erofs", reason: "remembered", from: "loop-devices" });
    const said = withoutDevices(add, more);
    expect(said).toContain("added 1");
    expect(said).not.toContain("remembered");
    unmountAllLayers(`${root}-run`);
    rmSync(`${root}/layers`, { recursive: true });
  }
  // Nor is it remembered that there were none once they are there.
  remember({ name: "directory", reason: "remembered" });
  expect(await testLayers(root).choice()).toMatchObject({ reason: "remembered" });
  expect(withoutDevices("console.log(JSON.stringify(await testLayers(root).choice()))")).not.toContain("remembered");
});

const testDevicesOnly = requires("root", "overlayfs", "erofs-devices-only");

testDevicesOnly("they are chosen where the kernel mounts EROFS from nothing else", async () => {
  const driver = testLayers(root);
  expect(await driver.choice()).toMatchObject({ name: "erofs", reason: expect.stringContaining("EROFS mounts over loop devices here") });
  await driver.add(diffId(1), writeTar("file", "text"));
  expect(loopDevicesOf(base)).toHaveLength(2);
  unmountAllLayers(`${root}-run`);
  const [lower = ""] = testLayers(root, "erofs").lowers([diffId(1)]);
  expect(readFileSync(`${lower}/file`, "utf8")).toBe("text");
});

testDevicesOnly("where there are none, layers are unpacked, and the reason is told", () => {
  const choose = `
    const driver = testLayers(root);
    console.log(JSON.stringify(await driver.choice()));
    await driver.add("sha256:" + "a".repeat(64), tar);
    console.log(driver.lowers(["sha256:" + "a".repeat(64)])[0]);`;
  const told = withoutDevices(choose);
  expect(told).toContain(
    `"EROFS can't be mounted from plain files here, nor over loop devices (no such file or directory: /dev/loop-control)"`,
  );
  expect(told).toContain(`${root}/layers/sha256/${"a".repeat(64)}/tree`);
  expect(isMounted(layerMountsBase(`${root}-run`))).toBe(false);
});
