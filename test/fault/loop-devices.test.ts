// The launcher dies, fails or is killed before each step of mounting a layer over loop devices: no device stays, and the next one mounts.
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { DiffId, HostPath } from "../../src/core/brands.ts";
import { mountLayers, unmountLayers } from "../../src/layers/layer-mounts.ts";
import { layerMountPath } from "../../src/layers/stored-layers.ts";
import { layerMountsPlan } from "../../src/plan/erofs-mounts.ts";
import { archive } from "../contracts/layer-driver.ts";
import { stepEnvironment } from "../support/fault-host.ts";
import { repository } from "../support/host-features.ts";
import { loopDevicesOf } from "../support/loop-devices.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { testLayers, unmountAllLayers } from "../support/test-layers.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";

const test = requires("root", "erofs", "loop", "fault-build");
const base = makeTestDirectory("loop-devices");
const root = `${base}/root`;
const runRoot = `${root}-run`;
const hex = "a".repeat(64);
const files = `${root}/layers/sha256/${hex}` as HostPath;
const context = { launcher: `${repository}/dist-fault/launcher`, root, runRoot };
const from = "loop-devices";
const kept = "b".repeat(64);
/** But those of the layer that keeps mounted what all layers lie in, which takes steps of its own. */
const areFree = () => poll("the devices are free", () => loopDevicesOf(base).length === 2);

beforeAll(async () => {
  // What the build for fault tests defines.
  Object.assign(globalThis, { WHERRY_FAULTS: true });
  mkdirSync(root);
  writeFileSync(`${base}/layer.tar`, archive({ path: "file", data: "text" }));
  await testLayers(root, "erofs", { from }).add(`sha256:${hex}` as DiffId, `${base}/layer.tar` as HostPath);
  mountLayers(context, [{ hex: kept, files }], { from });
  unmountLayers(context, (other) => other === kept);
  await areFree();
});
afterAll(() => {
  unmountAllLayers(runRoot);
  rmSync(base, { recursive: true, force: true });
});

describe.each(["kill", "exit"] as const)("the launcher's %s", (action) => {
  const { operations } = layerMountsPlan({ layers: [{ files: "/f", at: "/a" }], from });
  test.each(operations.map(({ name }, step) => [name, step] as const))("before %s, step %d", async (name, step) => {
    const environment = stepEnvironment({ step, action });
    Object.assign(process.env, environment);
    try {
      expect(() => mountLayers(context, [{ hex, files }], { from })).toThrow(action === "kill" ? /SIGKILL/ : /input\/output error/);
    } finally {
      for (const key of Object.keys(environment)) delete process.env[key];
    }
    // From MOVE on it is mounted.
    if (name === "CLOSE") unmountLayers(context, (other) => other === kept);
    await areFree();
    mountLayers(context, [{ hex, files }], { from });
    expect(readFileSync(`${layerMountPath(context, hex)}/file`, "utf8")).toBe("text");
    unmountLayers(context, (other) => other === kept);
    await areFree();
  });
});
