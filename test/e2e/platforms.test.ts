// Images for other platforms: what load, pull, run, create and save do with and without --platform.
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { encodeHeader, padding, tarEnd } from "../../src/archive/tar-writer.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import { json, type MadeImage, makeImage, oldDockerArchive, tarOf } from "../support/image-archives.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { TestRegistry } from "../support/test-registry.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox", "docker-registry", "x86_64");
const host = useWherryHost("platforms");
let busybox: Buffer;
let registry: TestRegistry;
let directory = "";

/** Of our own busybox whatever it says: a kernel would run the foreign ones through binfmt_misc. */
function image(change: object): MadeImage {
  const made = makeImage([busybox], { Cmd: ["/bin/sh", "-c", "echo runs"] });
  return { ...made, config: json({ ...(JSON.parse(made.config.toString()) as object), ...change }) };
}
const windows = { os: "windows", "os.version": "10.0.20348.2227" };

function write(...named: readonly (readonly [string, object])[]): string {
  const path = `${host.directory}/image.tar`;
  writeFileSync(path, tarOf(oldDockerArchive(named.map(([name, change]) => ({ image: image(change), tags: [name] })))));
  return path;
}
const names = async () => (await host.ok(["images", "--format", "{{.Repository}}:{{.Tag}}"])).split("\n");
const none = ["run", "--rm", "--network", "none"];

beforeAll(async () => {
  if (test !== bunTest) return;
  const data = readFileSync(["/bin/busybox", "/usr/bin/busybox"].find(existsSync) ?? "");
  const common = { uid: 0, gid: 0, mtime: { seconds: 1_000_000_000, nanos: 0 }, mode: 0o755 };
  const header = encodeHeader({ ...common, type: "file", path: encodeText("bin/sh"), size: data.length });
  busybox = Buffer.concat([header, data, padding(data.length), tarEnd]);
  directory = makeTestDirectory("platforms-registry");
  registry = await TestRegistry.start(directory);
});

afterAll(async () => {
  if (test !== bunTest) return;
  await registry[Symbol.asyncDispose]();
  run("rm", "-r", directory);
});

describe("an image for another system", () => {
  test("is not loaded, and those before it in the archive are, as with docker", async () => {
    const refused = await host.wherry(["load", "-i", write(["here:1", {}], ["windows:1", windows])]);
    expect(refused).toMatchObject({
      code: 1,
      stdout: "Loaded image: here:1\n",
      stderr: expect.stringContaining("cannot load windows image on linux"),
    });
    expect(await names()).toEqual(["here:1"]);
    await host.ok(["rmi", "here:1"]);
  });

  test("is loaded, pushed and pulled by who names its platform, and never run", async () => {
    const name = `${registry.host}/for/windows:1`;
    const ofIt = ["--platform", "windows/amd64"];
    expect(await host.ok(["load", ...ofIt, "-i", write([name, windows])])).toBe(`Loaded image: ${name}`);
    await host.ok(["push", "-q", name]);
    const [before, refused] = [
      await host.ok(["image", "inspect", name]),
      'image operating system "windows" cannot be used on this platform',
    ];
    for (const verb of [none, [...none, ...ofIt], ["create"], ["create", ...ofIt]]) {
      expect(await host.wherry([...verb, name])).toMatchObject({ stdout: "", stderr: `wherry: ${refused}\n` });
    }
    await host.ok(["rmi", name]);
    expect((await host.wherry(["pull", name])).stderr).toContain("cannot pull windows image on linux; to send it on only, pull it with");
    expect((await host.wherry(["pull", "--platform", "linux/amd64", name])).stderr).toContain("is for windows/amd64, not for linux/amd64");
    expect(await names()).toEqual([""]);
    await host.ok(["pull", "-q", ...ofIt, name]);
    expect(JSON.parse(await host.ok(["image", "inspect", name]))).toMatchObject([{ Id: JSON.parse(before)[0].Id, Os: "windows" }]);
    await host.ok(["rmi", name]);
  });

  test("one that names no system or architecture is for this machine", async () => {
    await host.ok(["load", "-i", write(["unsaid:1", { os: "", architecture: "" }])]);
    expect(await host.wherry([...none, "unsaid:1"])).toMatchObject({ code: 0, stdout: "runs\n", stderr: "" });
    expect((await host.wherry([...none, "--platform", "linux/amd64", "unsaid:1"])).stdout).toBe("runs\n");
    await host.ok(["rmi", "unsaid:1"]);
  });
});

describe("run and create --platform", () => {
  const name = () => `${registry.host}/two:1`;
  const ofPlatform = (platform: string, ...more: readonly string[]) => host.wherry([...none, "--platform", platform, ...more, name()]);

  test("the image that is here serves if it fits, without a warning", async () => {
    await host.ok(["load", "-i", write([name(), { architecture: "arm64", variant: "v8" }])]);
    for (const platform of ["linux/arm64", "arm64", "linux/arm64/v8", "LINUX/AARCH64"]) {
      expect(await ofPlatform(platform)).toMatchObject({ code: 0, stdout: "runs\n", stderr: "" });
    }
    expect((await host.wherry([...none, name()])).stderr).toBe(
      "WARNING: The requested image's platform (linux/arm64/v8) does not match the detected host platform (linux/amd64) and no specific platform was requested\n",
    );
    expect((await ofPlatform("a/b/c/d")).stderr).toContain("invalid platform `a/b/c/d`");
  });

  test("with --pull never, the error names both platforms", async () => {
    const stderr = `wherry: image with reference ${name()} was found but does not match the specified platform: wanted linux/amd64, actual: linux/arm64\n`;
    expect(await ofPlatform("linux/amd64", "--pull", "never")).toEqual(expect.objectContaining({ code: 125, stdout: "", stderr }));
    const created = await host.wherry(["create", "--pull", "never", "--platform", "amd64", name()]);
    expect(created).toMatchObject({ code: 1, stderr });
  });

  test("else the fitting one is pulled; where there is none, that is told", async () => {
    const refused = await ofPlatform("linux/amd64");
    expect(refused).toMatchObject({
      code: 125,
      stderr: expect.stringContaining(`Unable to find image '${name()}' for linux/amd64 locally\n`),
    });
    const here = `${registry.host}/here:1`;
    await host.ok(["load", "-i", write([here, {}])]);
    await host.ok(["push", "-q", here]);
    await host.ok(["load", "-i", write([here, { architecture: "s390x" }])]);
    const pulled = await host.wherry([...none, "--platform", "linux/amd64", here]);
    expect(pulled).toMatchObject({ code: 0, stdout: "runs\n", stderr: expect.stringContaining(`Downloaded newer image for ${here}`) });
    expect(await host.ok(["image", "inspect", "--format", "{{.Architecture}}", here])).toBe("amd64");
  });

  test("save --platform takes what fits, and nothing is written of what does not", async () => {
    expect((await host.ok(["save", "--platform", "linux/arm64", name()])).length).toBeGreaterThan(1000);
    const refused = await host.wherry(["save", "--platform", "linux/amd64", "-o", `${host.directory}/saved.tar`, name()]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("is for linux/arm64/v8, not for linux/amd64") });
    expect(existsSync(`${host.directory}/saved.tar`)).toBe(false);
  });
});
