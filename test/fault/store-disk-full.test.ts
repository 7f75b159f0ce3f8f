// The disk of the image store fills up at any moment of what makes images: one sentence, the store as before, and it works once there is
// space. What removes images works on a disk without one free block.
// timeout: 180 s
import { afterAll, afterEach, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { FakeRegistry } from "../fakes/fake-registry.ts";
import { bulkImage, bulkText } from "../support/bulk-image.ts";
import { digestOf, ociArchive, ociBlobs, oldDockerArchive, tarOf } from "../support/image-archives.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { SmallDiskHost } from "../support/small-disk-host.ts";
import { findStoreFaults } from "../support/store-checker.ts";

describe.each(["erofs", "directory"] as const)("a full disk, with layers by %s", (driver) => {
  const test = requires("root", "binary", "overlayfs", "payload", "loop", ...(driver === "erofs" ? ["erofs-layers"] : []));
  const env = { WHERRY_LAYER_DRIVER: driver };
  let host: SmallDiskHost;
  let registry: FakeRegistry;
  const ok = (...args: readonly string[]): Promise<string> => host.ok(args, { env });
  const faults = (): readonly string[] => findStoreFaults({ root: host.root, runRoot: host.runRoot });
  const files = { docker: () => `${host.directory}/docker.tar`, oci: () => `${host.directory}/oci.tar` };

  beforeAll(async () => {
    if (test !== bunTest) return;
    host = new SmallDiskHost(`store-full-${driver}`, 48);
    registry = await FakeRegistry.start();
    const { files: blobs, manifest } = ociBlobs(bulkImage("pulled"), (layer) => gzipSync(layer, { level: 1 }));
    for (const bytes of Object.values(blobs)) registry.addBlob(bytes);
    registry.addManifest("box:1", manifest);
    writeFileSync(files.docker(), tarOf(oldDockerArchive([{ image: bulkImage("docker"), tags: ["docker:1"] }])));
    writeFileSync(files.oci(), tarOf(ociArchive(bulkImage("of-oci"), "oci:1")));
    writeFileSync(`${host.directory}/kept.tar`, tarOf(ociArchive(bulkImage("kept"), "kept:1")));
    await ok("load", "-q", "-i", `${host.directory}/kept.tar`);
    await ok("run", "-d", "--name", "keeper", "kept:1");
    await ok("cp", files.docker(), "keeper:/copied");
  }, 60_000);
  afterAll(async () => {
    if (test !== bunTest) return;
    await registry[Symbol.asyncDispose]();
    await host.dispose();
  }, 60_000);

  /** With the reserve complete, as any lasting change leaves it. */
  async function freeBytes(): Promise<number> {
    await ok("tag", "kept:1", "kept:2");
    await ok("rmi", "kept:2");
    return host.freeBytes;
  }

  afterEach(() => {
    if (test === bunTest) host.empty();
  });

  const reads = async (...args: readonly string[]): Promise<void> => {
    const { stdoutBytes, stderr } = await host.wherry([...args, "try", "read", "/bulk"], { env });
    expect({ stderr, read: digestOf(stdoutBytes) }).toEqual({ stderr: "", read: digestOf(Buffer.from(`${bulkText}ok\n`)) });
  };

  test.each([
    ["pull", () => [`${registry.host}/box:1`, "pull", "-q", `${registry.host}/box:1`]],
    ["load of docker's form", () => ["docker:1", "load", "-q", "-i", files.docker()]],
    ["load of an OCI layout", () => ["oci:1", "load", "-q", "-i", files.oci()]],
    ["commit", () => ["made:1", "commit", "keeper", "made:1"]],
    ["commit --squash", () => ["made:2", "commit", "--squash", "keeper", "made:2"]],
  ] as const)(
    "%s",
    async (_, given) => {
      const [name = "", ...args] = given();
      const before = await freeBytes();
      const images = await ok("images", "-a");
      let refused = 0;
      for (let leave = 0; ; leave = Math.floor(Math.max(leave, 4096) * 2.1)) {
        host.fill(leave);
        const result = await host.wherry(args, { env });
        if (result.code === 0) break;
        refused++;
        expect({ leave, stderr: result.stderr, stdout: result.stdout }).toEqual({
          leave,
          stderr: expect.stringMatching(/^wherry: [^\n]*no space left on device[^\n]*\n$/),
          stdout: "",
        });
        await reads("exec", "keeper", "/payload");
        expect(await ok("images", "-a")).toBe(images);
        host.empty();
        await ok("image", "prune", "-f");
        expect({ leave, faults: faults() }).toEqual({ leave, faults: [] });
      }
      expect(refused).toBeGreaterThan(3);
      host.empty();
      expect(faults()).toEqual([]);
      await reads("run", "--rm", name);
      host.fill(0);
      const { code, stderr } = await host.wherry(["rmi", name], { env });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(host.freeBytes).toBeGreaterThan(400_000);
      host.empty();
      await ok("image", "prune", "-f");
      expect(faults()).toEqual([]);
      expect(await ok("images", "-a")).toBe(images);
      // Not by a file that is deleted and still mounted, either. The state's log may have grown.
      await poll("all bytes to be free", async () => before - (await freeBytes()) < 200_000, { intervalMs: 100 });
    },
    60_000,
  );

  test("image prune frees space where there is none", async () => {
    await ok("load", "-q", "-i", files.docker());
    host.fill(0);
    const { code, stdout, stderr } = await host.wherry(["image", "prune", "-af"], { env });
    expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: "", stdout: expect.stringMatching(/Total reclaimed space: [\d.]+MB/) });
    expect(host.freeBytes).toBeGreaterThan(400_000);
    host.empty();
    expect(faults()).toEqual([]);
  });
});
