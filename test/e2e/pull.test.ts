// Pull and push against Debian's docker-registry, with skopeo and docker as other clients of it.
// timeout: 300 s
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { makeLayoutArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { TestRegistry } from "../support/test-registry.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload", "busybox", "docker-registry", "skopeo");
const isThere = test === bunTest;
const host = useWherryHost("pull");
let registry: TestRegistry;
let directory = "";

/** Brings the test image into the registry by skopeo. */
function seed(name: string, ...flags: readonly string[]): void {
  const archive = `${host.directory}/layout.tar`;
  run("skopeo", "copy", "-q", "--dest-tls-verify=false", ...flags, `oci-archive:${archive}:test`, `docker://${registry.host}/${name}`);
}

const digestOf = (name: string): string =>
  run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", `docker://${registry.host}/${name}`).trim();
const blobs = (): readonly string[] => {
  try {
    return readdirSync(`${host.root}/content/sha256`).sort();
  } catch {
    return [];
  }
};

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("pull-registry");
  makeLayoutArchive(host.directory, "test");
  registry = await TestRegistry.start(directory);
  seed("test/box:1");
  seed("test/box:2", "--format", "v2s2", "--dest-compress");
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

describe("pull", () => {
  test("says what docker says, and the image runs", async () => {
    const name = `${registry.host}/test/box:1`;
    const digest = digestOf("test/box:1");
    const manifest = JSON.parse(run("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${name}`));
    const layer = String(manifest.layers[0].digest).slice(7, 19);
    expect(await host.ok(["pull", name])).toBe(
      [
        "1: Pulling from test/box",
        `${layer}: Pulling fs layer`,
        `${layer}: Download complete`,
        `${layer}: Pull complete`,
        `Digest: ${digest}`,
        `Status: Downloaded newer image for ${name}`,
        name,
      ].join("\n"),
    );
    expect(await host.ok(["run", "--rm", "--entrypoint", "/bin/sh", name, "-c", "echo here"])).toBe("here");
    const again = await host.ok(["pull", name]);
    expect(again).toContain(`${layer}: Already exists\n`);
    expect(again).toEndWith(`Digest: ${digest}\nStatus: Image is up to date for ${name}\n${name}`);
  });

  test("asks for nothing but the manifest when all is here", async () => {
    const before = registry.requests.length;
    await host.ok(["pull", "-q", `${registry.host}/test/box:1`]);
    expect(registry.requests.slice(before)).toEqual(["GET /v2/test/box/manifests/1"]);
  });

  test("keeps every byte of a Docker schema 2 image, and shares its layer", async () => {
    expect(await host.ok(["pull", "-q", `${registry.host}/test/box:2`])).toBe(`${registry.host}/test/box:2`);
    const raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/test/box:2`);
    expect(JSON.parse(raw).mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    const hex = createHash("sha256").update(raw).digest("hex");
    expect(readFileSync(`${host.root}/content/sha256/${hex}`, "utf8")).toBe(raw);
  });

  test("by digest gives no tag, and the digest names the image", async () => {
    const digest = digestOf("test/box:1");
    const name = `${registry.host}/test/box@${digest}`;
    const output = await host.ok(["pull", name]);
    expect(output).toContain(`Digest: ${digest}\nStatus: `);
    expect(await host.ok(["run", "--rm", "--entrypoint", "/bin/echo", name, "by digest"])).toBe("by digest");
  });

  test("-a pulls every tag", async () => {
    const output = await host.ok(["pull", "-a", `${registry.host}/test/box`]);
    expect(output).toMatch(/1: Pulling from test\/box\n(.*\n)*Digest: sha256:[0-9a-f]{64}\n/);
    expect(output).toEndWith(` for ${registry.host}/test/box\n${registry.host}/test/box`);
    expect((await host.wherry(["pull", "-a", `${registry.host}/test/box:1`])).stderr).toBe(
      "wherry: tag can't be used with --all-tags/-a\n",
    );
  });

  test("a tag or repository that is not there is told in one line", async () => {
    const before = blobs();
    const missing = await host.wherry(["pull", `${registry.host}/test/box:nosuch`]);
    expect(missing).toMatchObject({
      code: 1,
      stderr: `wherry: manifest for ${registry.host}/test/box:nosuch not found: manifest unknown: manifest unknown\n`,
    });
    expect((await host.wherry(["pull", "127.0.0.1:1/x"])).stderr).toMatch(/^wherry: .*`127.0.0.1:1` refuses connections.*\n$/);
    expect(blobs()).toEqual(before);
  });

  test("an index gives the image for the platform, and is what the digest means", async () => {
    const name = "test/many:1";
    seed("test/many:one");
    const bytes = run("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/test/many:one`);
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const entry = {
      mediaType: JSON.parse(bytes).mediaType,
      size: bytes.length,
      digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    };
    const architecture = process.arch === "x64" ? "amd64" : "arm64";
    const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [{ ...entry, platform: { os: "linux", architecture } }] });
    const put = await fetch(`http://${registry.host}/v2/test/many/manifests/1`, {
      method: "PUT",
      headers: { "content-type": mediaType },
      body: index,
    });
    expect(put.status).toBe(201);
    const digest = `sha256:${createHash("sha256").update(index).digest("hex")}`;
    expect(await host.ok(["pull", `${registry.host}/${name}`])).toContain(`Digest: ${digest}\n`);
    expect(await host.ok(["run", "--rm", "--entrypoint", "/bin/echo", `${registry.host}/test/many@${digest}`, "x"])).toBe("x");
    const other = await host.wherry(["pull", "--platform", "linux/s390x", `${registry.host}/${name}`]);
    expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/^wherry: no matching manifest for linux\/s390x/) });
  });

  test("two at once fetch each blob of a layer once", async () => {
    seed("test/twice:1");
    await host.ok(["rmi", "-f", ...new Set((await host.ok(["images", "-q", "--no-trunc"])).split("\n"))]);
    expect(blobs()).toEqual([]);
    const before = registry.requests.length;
    const both = await Promise.all([1, 2].map(() => host.wherry(["pull", "-q", `${registry.host}/test/twice:1`])));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const manifest = JSON.parse(run("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/test/twice:1`));
    const layer = `GET /v2/test/twice/blobs/${manifest.layers[0].digest}`;
    expect(registry.requests.slice(before).filter((request) => request === layer)).toHaveLength(1);
  });

  test("run pulls what is missing, which standard error tells", async () => {
    const name = `${registry.host}/test/other:1`;
    seed("test/other:1");
    const result = await host.wherry(["run", "--rm", "--entrypoint", "/bin/echo", name, "pulled"]);
    expect(result).toMatchObject({ code: 0, stdout: "pulled\n" });
    expect(result.stderr).toStartWith(`Unable to find image '${name}' locally\n1: Pulling from test/other\n`);
    expect(result.stderr).toEndWith(`Status: Downloaded newer image for ${name}\n`);
    const always = await host.wherry(["run", "--rm", "--pull", "always", "-q", "--entrypoint", "/bin/echo", name, "again"]);
    expect(always).toMatchObject({ code: 0, stdout: "again\n", stderr: "" });
  });
});

describe("push", () => {
  test("keeps the digest, mounts what the registry has, and skips what the repository has", async () => {
    const source = `${registry.host}/test/box:1`;
    const target = `${registry.host}/test/pushed:1`;
    await host.ok(["pull", "-q", source]);
    await host.ok(["tag", source, target]);
    const digest = digestOf("test/box:1");
    const raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${source}`);
    const layer = String(JSON.parse(raw).layers[0].digest).slice(7, 19);
    expect(await host.ok(["push", target])).toBe(
      [
        `The push refers to repository [${registry.host}/test/pushed]`,
        `${layer}: Preparing`,
        `${layer}: Mounted from test/box`,
        `1: digest: ${digest} size: ${raw.length}`,
      ].join("\n"),
    );
    expect(digestOf("test/pushed:1")).toBe(digest);
    expect(await host.ok(["push", target])).toContain(`${layer}: Layer already exists\n`);
  });

  test("of a committed image: skopeo takes it away, and it is the same", async () => {
    await host.importPayload();
    const name = `${registry.host}/test/imported`;
    await host.ok(["tag", "payload", `${name}:1`]);
    await host.ok(["tag", "payload", `${name}:2`]);
    const output = await host.ok(["push", "-a", name]);
    expect(output).toMatch(/\n1: digest: sha256:[0-9a-f]{64} size: \d+\n(.*\n)*2: digest: /);
    mkdirSync(`${host.directory}/taken`);
    run("skopeo", "copy", "-q", "--preserve-digests", "--src-tls-verify=false", `docker://${name}:1`, `oci:${host.directory}/taken:1`);
    const id = await host.ok(["images", "-q", "--no-trunc", "payload"]);
    const { manifests } = JSON.parse(readFileSync(`${host.directory}/taken/index.json`, "utf8"));
    const manifest = JSON.parse(readFileSync(`${host.directory}/taken/blobs/sha256/${manifests[0].digest.slice(7)}`, "utf8"));
    expect(manifest.config.digest).toBe(id);
    expect(output).toContain(`1: digest: ${manifests[0].digest} `);
  });

  test("of a layer that goes in several parts", async () => {
    const tree = `${host.directory}/large`;
    mkdirSync(tree);
    writeFileSync(`${tree}/file`, "");
    truncateSync(`${tree}/file`, 150 * 1024 * 1024);
    run("tar", "-C", tree, "-cf", `${host.directory}/large.tar`, ".");
    rmSync(tree, { recursive: true });
    const name = `${registry.host}/test/large:1`;
    await host.ok(["import", `${host.directory}/large.tar`, name]);
    rmSync(`${host.directory}/large.tar`);
    const before = registry.requests.length;
    const digest = /digest: (\S+) /.exec(await host.ok(["push", name]))?.[1];
    const parts = registry.requests.slice(before).filter((request) => request.startsWith("PATCH"));
    // 64 MiB each; the rest goes with the PUT that ends the upload.
    expect(parts).toHaveLength(2);
    expect(digestOf("test/large:1")).toBe(digest ?? "");
  });

  test("of what is not here is refused in docker's words", async () => {
    const name = `${registry.host}/test/nothing`;
    expect((await host.wherry(["push", `${name}:1`])).stderr).toBe(`wherry: An image does not exist locally with the tag: ${name}\n`);
  });
});

describe("search", () => {
  test("lists what a registry has, and the tags of a repository", async () => {
    const listed = await host.ok(["search", "--format", "{{.Name}}", `${registry.host}/bo`]);
    expect(listed).toBe(`${registry.host}/test/box`);
    const tags = await host.ok(["search", "--list-tags", "--format", "{{.Tag}}", `${registry.host}/test/box`]);
    expect(tags.split("\n").sort()).toEqual(["1", "2"]);
    expect((await host.wherry(["search", "--list-tags", `${registry.host}/nosuch`])).stderr).toMatch(
      /^wherry: .*repository name not known.*\n$/,
    );
  });
});
