// What commands that were killed have left in the image store: pruning takes it, tells how much it was, and nothing is amiss afterwards.
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { digestOf, layerOf, makeImage, ociArchive, ociBlobs, tarOf } from "../support/image-archives.ts";
import { FakeRegistry } from "../fakes/fake-registry.ts";
import { stepEnvironment, useFaultHost } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { findStoreFaults } from "../support/store-checker.ts";

const test = requires("root", "fault-build", "overlayfs", "payload");
const host = useFaultHost("store-remains");
const image = makeImage([layerOf("base"), layerOf("top", { path: "bulk", data: randomBytes(1024 * 1024).toString("latin1") })]);
const archive = (): string => `${host.directory}/loaded.tar`;
let registry: FakeRegistry;
let pulled = "";

beforeAll(async () => {
  if (test !== bunTest) return;
  writeFileSync(archive(), tarOf(ociArchive(image, "loaded:1")));
  registry = await FakeRegistry.start();
  pulled = `${registry.host}/box:1`;
  const { files, manifest } = ociBlobs(image, (layer) => gzipSync(layer));
  for (const bytes of Object.values(files)) registry.addBlob(bytes);
  registry.addManifest("box:1", manifest);
});
afterAll(async () => {
  if (test === bunTest) await registry[Symbol.asyncDispose]();
});

const faults = (): readonly string[] => findStoreFaults({ root: host.root, runRoot: host.runRoot });

async function diesAt(point: string, args: readonly string[]): Promise<void> {
  expect(await host.wherry(args, { env: { WHERRY_FAULT_POINT: point } })).toMatchObject({ signal: "SIGKILL", stderr: "" });
}

test.each([
  [["image", "prune", "-f"], "image-received"],
  [["image", "prune", "-f"], "image-blobs-published"],
  [["system", "prune", "-f"], "image-blob-stored"],
] as const)("%p takes what a load left that died at %s", async (prune, point) => {
  await diesAt(point, ["load", "-i", archive()]);
  expect(faults()).not.toEqual([]);
  const [, megabytes] = /Total reclaimed space: ([\d.]+)MB/.exec(await host.ok(prune)) ?? [];
  expect(Number(megabytes)).toBeGreaterThan(1);
  expect(faults()).toEqual([]);
  expect(await host.ok(prune)).toBe("Total reclaimed space: 0B");
});

test.each(["image-row-deleted", "garbage-detached"])("image prune takes what a removal left that died at %s", async (point) => {
  await host.ok(["load", "-i", archive()]);
  await diesAt(point, ["rmi", "loaded:1"]);
  await host.ok(["image", "prune", "-f"]);
  expect(faults()).toEqual([]);
});

test("a blob is dropped, or it is not: whenever that dies, the image's bytes can be had", async () => {
  const digests = ociBlobs(image, (layer) => gzipSync(layer)).files;
  const here = (): string[] => readdirSync(`${host.root}/content/sha256`).filter((name) => digests[`blobs/sha256/${name}`] !== undefined);
  const saved = async (): Promise<string> => {
    const { stdoutBytes, stderr } = await host.wherry(["save", pulled]);
    expect(stderr).toBe("");
    return createHash("sha256").update(stdoutBytes).digest("hex");
  };
  await host.ok(["pull", "-q", pulled]);
  const before = await saved();
  await diesAt("blobs-dropped", ["image", "prune", "--compressed", "-f"]);
  expect(await saved()).toBe(before);
  await diesAt("blobs-dropped", ["image", "prune", "--compressed", "-f"]);
  await host.ok(["image", "prune", "-f"]);
  // Manifest and configuration: what had been said to be dropped is.
  expect(here().map((name) => `sha256:${name}`)).not.toContain(digestOf(gzipSync(image.layers[1] ?? Buffer.alloc(0))));
  expect(faults()).toEqual([]);
  await host.ok(["rmi", pulled]);
  expect(faults()).toEqual([]);
});

const testMounts = requires("root", "fault-build", "overlayfs", "payload", "erofs-files");

testMounts(
  "a launcher that mounts on after its engine has died does not mount what the next one has mounted",
  async () => {
    const env = { WHERRY_LAYER_DRIVER: "erofs" };
    await host.ok(["load", "-i", archive()], { env });
    await host.ok(["rmi", "loaded:1"], { env });
    const load = host.start(["load", "-i", archive()], { env: { ...env, ...stepEnvironment({ step: 1, action: "stop" }) } });
    const stopped = await poll("it to be about to attach a mount", () => stoppedChild(load.child.pid));
    load.child.kill("SIGKILL");
    await load.done;
    await host.ok(["load", "-i", archive()], { env });
    try {
      process.kill(stopped, "SIGCONT");
    } catch {
      // It has died with its engine.
    }
    await poll("it to have ended", () => !existsSync(`/proc/${stopped}`));
    expect(faults()).toEqual([]);
    await host.ok(["rmi", "loaded:1"], { env });
    expect(faults()).toEqual([]);
  },
  30_000,
);

/** The launcher of a process that has come to where it was to stop. */
function stoppedChild(parent: number | undefined): number | undefined {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim().split(" ");
  return children.map(Number).find((pid) => pid > 0 && readFileSync(`/proc/${pid}/comm`, "utf8") === "fault-stopped\n");
}
