// A load that dies at any point, or meets a full disk: no half image, a repeat succeeds, and no byte is left when the image goes.
// timeout: 180 s
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import type { FaultPoint } from "../../src/core/fault-point.ts";
import { digestOf, layerOf, makeImage, ociArchive, oldDockerArchive, tarOf } from "../support/image-archives.ts";
import { useFaultHost } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { WherryHost } from "../support/wherry-host.ts";

const test = requires("root", "fault-build", "overlayfs", "payload");
const host = useFaultHost("load");

/** Data that does not shrink, so that there is time to die in and a disk to fill. */
const bulk = randomBytes(1024 * 1024).toString("latin1");
const image = makeImage([layerOf("base"), layerOf("top", { path: "bulk", data: bulk })]);
const archives = { oci: tarOf(ociArchive(image, "loaded:1")), docker: tarOf(oldDockerArchive([{ image, tags: ["loaded:1"] }])) };
const path = (form: keyof typeof archives): string => `${host.directory}/${form}.tar`;

beforeAll(() => {
  for (const form of ["oci", "docker"] as const) if (existsSync(host.directory)) writeFileSync(path(form), archives[form]);
});

function stored(root: string): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    ["content/sha256", "content/ingest", "layers/sha256", "layers/ingest"].map((name) => {
      const directory = `${root}/${name}`;
      return [name, existsSync(directory) ? readdirSync(directory).sort() : []];
    }),
  );
}

const images = (on: WherryHost = host): Promise<string> => on.ok(["images", "--format", "{{.Repository}}", "--no-trunc"]);

/** The image is as it was made, and nothing of it stays when it goes. */
async function worksAndGoes(before: ReturnType<typeof stored>, form: keyof typeof archives): Promise<void> {
  expect(await host.ok(["load", "-i", path(form)])).toBe("Loaded image: loaded:1");
  expect(await host.ok(["images", "-q", "--no-trunc", "loaded"])).toBe(digestOf(image.config));
  await host.ok(["rmi", "loaded:1"]);
  expect(stored(host.root)).toEqual(before);
}

const points = [
  ["image-received", false],
  ["image-layer-added", false],
  ["image-blob-stored", false],
  ["image-blobs-published", false],
  ["image-recorded", true],
  ["garbage-detached", false],
] as const satisfies readonly (readonly [FaultPoint, boolean])[];

describe.each(["oci", "docker"] as const)("an archive of the %s form", (form) => {
  test.each(points)("from a file, dies at %s", async (point, there) => {
    const before = stored(host.root);
    const died = await host.wherry(["load", "-i", path(form)], { env: { WHERRY_FAULT_POINT: point } });
    expect(died.signal ?? died.code).toBe("SIGKILL");
    expect((await images()).split("\n").sort()).toEqual(there ? ["loaded", "payload"] : ["payload"]);
    await worksAndGoes(before, form);
  });

  test.each([1000, 20_000, 500_000, archives[form].length - 1500])("as a stream, killed after %i bytes", async (length) => {
    const before = stored(host.root);
    const command = host.start(["load"], { openStdin: true });
    command.child.stdin?.write(archives[form].subarray(0, length));
    if (length > 600) await poll("it has begun", () => length < 20_000 || readdirSync(`${host.root}/content/ingest`).length > 0);
    command.child.kill("SIGKILL");
    await command.done;
    expect(await images()).toBe("payload");
    await worksAndGoes(before, form);
  });
});

test.each(["SIGINT", "SIGTERM"] as const)("cancelled by %s while the stream stands still: nothing is left, at once", async (signal) => {
  const before = stored(host.root);
  const command = host.start(["load"], { openStdin: true });
  command.child.stdin?.write(archives.oci.subarray(0, 500_000));
  await poll("it has begun", () => readdirSync(`${host.root}/content/ingest`).length > 0);
  command.child.kill(signal);
  expect(await command.done).toMatchObject({ code: 1, stderr: "wherry: load cancelled\n" });
  expect(stored(host.root)).toEqual(before);
});

test("two loads of one archive at the same time: one image, its files once", async () => {
  const before = stored(host.root);
  const results = await Promise.all([1, 2, 3].map(() => host.ok(["load", "-i", path("oci")])));
  expect(results).toEqual(Array(3).fill("Loaded image: loaded:1"));
  expect(stored(host.root)["content/sha256"]).toHaveLength((before["content/sha256"]?.length ?? 0) + 4);
  expect(stored(host.root)).toMatchObject({ "content/ingest": [], "layers/ingest": [] });
  await worksAndGoes(before, "oci");
});

describe("a full disk", () => {
  let small: WherryHost;
  beforeAll(async () => {
    small = new WherryHost("load-full");
    mkdirSync(small.root, { recursive: true });
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=711", "wherry-test", small.root]).status).toBe(0);
    await small.importPayload();
  }, 60_000);
  afterAll(async () => {
    for (const id of (await small.ok(["images", "-q"])).split("\n")) if (id !== "") await small.ok(["rmi", "-f", id]);
    await poll("the root to be free", () => spawnSync("umount", [small.root]).status === 0);
    await small.dispose();
  }, 60_000);

  test("is told, whenever it fills up, and nothing is left; then the load succeeds", async () => {
    const before = stored(small.root);
    let refused = 0;
    for (let freeKib = 64; ; freeKib = Math.floor(freeKib * 1.6)) {
      fillUpTo(small.root, freeKib);
      const result = await small.wherry(["load", "-i", path("oci")]);
      spawnSync("rm", [`${small.root}/filler`]);
      if (result.code === 0) break;
      refused++;
      expect(result).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/no space left|disk is full/) });
      expect(await images(small)).toBe("payload");
      expect(stored(small.root)).toEqual(before);
    }
    expect(refused).toBeGreaterThan(3);
    await small.ok(["rmi", "loaded:1"]);
    expect(stored(small.root)).toEqual(before);
  });
});

/** Leaves that much on the file system, or what there is. */
function fillUpTo(root: string, freeKib: number): void {
  const available = Number(spawnSync("df", ["-k", "--output=avail", root], { encoding: "utf8" }).stdout.split("\n")[1]);
  if (available > freeKib) writeFileSync(`${root}/filler`, Buffer.alloc((available - freeKib) * 1024));
}
