// Compressed layers may be dropped: what wants them again gets the same bytes from where they came, or says that it can't.
// timeout: 120 s
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { makeLayoutArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { TestRegistry } from "../support/test-registry.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload", "busybox", "docker-registry", "skopeo");
const isThere = test === bunTest;
const host = useWherryHost("dropped-layers");
let registry: TestRegistry;
let directory = "";
let image = "";

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("dropped-registry");
  makeLayoutArchive(host.directory, "test");
  registry = await TestRegistry.start(directory);
  image = `${registry.host}/test/box:1`;
  const archive = `oci-archive:${host.directory}/layout.tar:test`;
  run("skopeo", "copy", "-q", "--dest-tls-verify=false", "--format", "v2s2", "--dest-compress", archive, `docker://${image}`);
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const layer = (): string => JSON.parse(run("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${image}`)).layers[0].digest;
const isHere = (digest: string): boolean => readdirSync(`${host.root}/content/sha256`).includes(digest.slice(7));
const saved = async (): Promise<string> => {
  await host.ok(["save", "-o", `${host.directory}/saved.tar`, image]);
  return createHash("sha256")
    .update(await Bun.file(`${host.directory}/saved.tar`).bytes())
    .digest("hex");
};

describe("a compressed layer that was dropped", () => {
  test("is fetched again for save and push, byte for byte", async () => {
    await host.ok(["pull", "-q", image]);
    const before = await saved();
    const digest = layer();
    expect(isHere(digest)).toBe(true);
    expect(await host.ok(["image", "prune", "--compressed", "-f"])).toMatch(/^Total reclaimed space: [\d.]+[kM]B$/);
    expect(isHere(digest)).toBe(false);
    expect(await host.ok(["run", "--rm", image, "echo", "runs"])).toBe("runs");
    expect(await host.ok(["pull", "-q", image])).toContain("test/box:1");
    expect(isHere(digest)).toBe(false);

    expect(await saved()).toBe(before);
    expect(isHere(digest)).toBe(true);

    await host.ok(["image", "prune", "--compressed", "-f"]);
    const other = await TestRegistry.start(`${directory}/other`);
    try {
      await host.ok(["tag", image, `${other.host}/copy:1`]);
      await host.ok(["push", "-q", `${other.host}/copy:1`]);
      const pushed = JSON.parse(run("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${other.host}/copy:1`));
      expect(pushed.layers[0].digest).toBe(digest);
      await host.ok(["rmi", `${other.host}/copy:1`]);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  test("is dropped at once by WHERRY_KEEP_COMPRESSED=0", async () => {
    await host.ok(["rmi", "-f", image]);
    await host.ok(["pull", "-q", image], { env: { WHERRY_KEEP_COMPRESSED: "0" } });
    expect(isHere(layer())).toBe(false);
    expect(await host.ok(["run", "--rm", image, "echo", "runs"])).toBe("runs");
  });

  test("is missed in one sentence when its source is gone, before anything is written", async () => {
    const digest = layer();
    await registry[Symbol.asyncDispose]();
    const { code, stdout, stderr } = await host.wherry(["save", image]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`wherry: layer \`${digest}\` was dropped to save space and can't be fetched again: `);
    expect(await host.ok(["run", "--rm", image, "echo", "runs"])).toBe("runs");
    await host.ok(["rmi", "-f", image]);
    expect((await host.wherry(["save", image])).stderr).toContain("No such image");
  }, 120_000);
});
