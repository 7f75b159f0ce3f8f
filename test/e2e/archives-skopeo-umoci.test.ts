// Archives and layouts between wherry and the programs that only know files: skopeo and umoci.
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { run } from "../support/image-root.ts";
import { digestsIn, inspectImage, makeLayerTar, makeTwoImages, unpackLayout } from "../support/interchange.ts";
import { requires } from "../support/requires.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "busybox", "overlayfs", "skopeo", "umoci");
const isThere = test === bunTest;
const host = useWherryHost("archives-skopeo");
let directory = "";
const skopeo = (...args: readonly string[]): string => run("skopeo", "--insecure-policy", ...args).trim();

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("archives-skopeo-files");
  await makeTwoImages(host);
  for (const format of ["docker", "oci", "both"])
    await host.ok(["save", "--format", format, "-o", `${directory}/${format}.tar`, "wherry:2"]);
}, 120_000);

afterAll(() => {
  if (isThere) rmSync(directory, { recursive: true, force: true });
});

const rawConfig = (source: string): { readonly created: string } =>
  JSON.parse(skopeo("inspect", "--config", "--raw", source)) as { created: string };
const digestOf = (path: string): string => `sha256:${run("sha256sum", path).slice(0, 64)}`;

describe("what wherry saves", () => {
  test.each([
    ["docker-archive", "docker", ""],
    ["docker-archive", "both", ""],
    ["oci-archive", "oci", ":2"],
    ["oci-archive", "both", ":2"],
  ])("skopeo reads as %s of %s, with the same configuration", async (transport, format, tag) => {
    const { id } = await inspectImage(host, "wherry:2");
    const source = `${transport}:${directory}/${format}.tar${tag}`;
    skopeo("copy", "--preserve-digests", source, `dir:${directory}/copy`);
    expect(digestOf(`${directory}/copy/${id.slice("sha256:".length)}`)).toBe(id);
    expect(rawConfig(source).created).toMatch(/^20/);
    rmSync(`${directory}/copy`, { recursive: true });
  });

  test("skopeo sees the manifest's digest that wherry has", async () => {
    const layout = unpackLayout(`${directory}/oci.tar`, `${directory}/layout`);
    skopeo("copy", "--preserve-digests", `oci:${layout}:2`, `dir:${directory}/copy`);
    expect(digestsIn(layout)).toEqual([digestOf(`${directory}/copy/manifest.json`)]);
    rmSync(`${directory}/copy`, { recursive: true });
  });

  test("umoci unpacks", () => {
    const layout = unpackLayout(`${directory}/both.tar`, `${directory}/layout`);
    run("umoci", "unpack", "--image", `${layout}:2`, `${directory}/bundle`);
    expect(readFileSync(`${directory}/bundle/rootfs/added`, "utf8")).toBe("two\n");
    rmSync(`${directory}/bundle`, { recursive: true });
  });
});

describe("what the others write, wherry loads", () => {
  test.each([
    ["docker-archive", "copy.tar:example.com/skopeo:1", "example.com/skopeo:1"],
    ["oci-archive", "copy.tar:example.com/skopeo:1", "example.com/skopeo:1"],
  ])("skopeo copy to %s", async (transport, target, name) => {
    skopeo("copy", `oci-archive:${directory}/oci.tar:2`, `${transport}:${directory}/${target}`);
    expect(await host.ok(["load", "-i", `${directory}/copy.tar`])).toBe(`Loaded image: ${name}`);
    expect((await inspectImage(host, name)).layers).toEqual((await inspectImage(host, "wherry:2")).layers);
    expect(await host.ok(["run", "--rm", "--network", "none", name, "cat", "/added"])).toBe("two");
    await host.ok(["rmi", name]);
    rmSync(`${directory}/copy.tar`);
  });

  test("a layout that umoci has changed keeps umoci's digests", async () => {
    const layout = unpackLayout(`${directory}/oci.tar`, `${directory}/umoci`);
    run("umoci", "raw", "add-layer", "--image", `${layout}:2`, "--tag", "3", makeLayerTar(directory));
    run("umoci", "rm", "--image", `${layout}:2`);
    run("umoci", "gc", "--layout", layout);
    const [digest = ""] = digestsIn(layout);
    run("tar", "-C", layout, "-cf", `${directory}/umoci.tar`, ".");
    // containerd's annotation, which wherry had written, went along.
    expect(await host.ok(["load", "-i", `${directory}/umoci.tar`])).toContain("Loaded image: wherry:2");
    expect(await host.ok(["run", "--rm", "--network", "none", "wherry:2", "cat", "/from-umoci", "/added"])).toBe("umoci\ntwo");
    await host.ok(["tag", "wherry:2", "umoci:3"]);
    await host.ok(["save", "--format", "oci", "-o", `${directory}/again.tar`, "umoci:3"]);
    expect(digestsIn(unpackLayout(`${directory}/again.tar`, `${directory}/again`))).toEqual([digest]);
    await host.ok(["rmi", "umoci:3"]);
  });
});
