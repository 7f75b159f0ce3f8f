// Archives between podman and wherry, both ways.
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { makeImageArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { inspectImage, makeTwoImages, readInspected } from "../support/interchange.ts";
import { requires } from "../support/requires.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "busybox", "overlayfs", "podman");
const isThere = test === bunTest;
const host = useWherryHost("archives-podman");
let directory = "";
const podman = (...args: readonly string[]): string =>
  run("podman", "--root", `${directory}/root`, "--runroot", `${directory}/run`, "--tmpdir", `${directory}/tmp`, ...args).trim();
const podmanSees = (reference: string) => readInspected(podman("image", "inspect", reference));

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("archives-podman-root");
  podman("import", "--change", "ENV WHO=podman", makeImageArchive(directory), "localhost/podman:1");
  podman("tag", "localhost/podman:1", "example.com/other/name:x");
  await makeTwoImages(host);
}, 120_000);

afterAll(() => {
  if (!isThere) return;
  podman("rmi", "--all", "--force");
  if (readdirSync(`${directory}/root`).includes("overlay")) run("sh", "-c", `umount ${directory}/root/overlay || true`);
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

describe("podman save, wherry load", () => {
  test.each(["docker-archive", "oci-archive"])("%s", async (format) => {
    const archive = `${directory}/${format}.tar`;
    podman("save", "--format", format, "-o", archive, "localhost/podman:1");
    expect(await host.ok(["load", "-i", archive])).toBe("Loaded image: localhost/podman:1");
    expect(await inspectImage(host, "localhost/podman:1")).toEqual(podmanSees("localhost/podman:1"));
    expect(await host.ok(["run", "--rm", "--network", "none", "localhost/podman:1", "sh", "-c", "echo $WHO"])).toBe("podman");
    await host.ok(["rmi", "localhost/podman:1"]);
  });

  test("several names in one archive", async () => {
    podman("save", "-m", "-o", `${directory}/many.tar`, "localhost/podman:1", "example.com/other/name:x");
    expect((await host.ok(["load", "-i", `${directory}/many.tar`])).split("\n").sort()).toEqual([
      "Loaded image: example.com/other/name:x",
      "Loaded image: localhost/podman:1",
    ]);
    await host.ok(["rmi", "localhost/podman:1", "example.com/other/name:x"]);
  });
});

describe("wherry save, podman load", () => {
  test.each(["docker", "oci", "both"])("--format %s", async (format) => {
    const archive = `${directory}/ours-${format}.tar`;
    await host.ok(["save", "--format", format, "-o", archive, "wherry:2"]);
    const said = podman("load", "-i", archive);
    const { id, layers, env } = await inspectImage(host, "wherry:2");
    const seen = readInspected(podman("image", "inspect", id.slice("sha256:".length)));
    expect(seen).toEqual({ id, layers, env });
    expect(said).toContain("Loaded image");
    podman("rmi", "--force", id.slice("sha256:".length));
  });
});
