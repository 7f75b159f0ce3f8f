// Images as they are in the world: shapes that other builders make, docker takes, and its own never have.
import { beforeAll, describe, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { encodeHeader, padding, tarEnd } from "../../src/archive/tar-writer.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import { archive, type Member } from "../contracts/layer-driver.ts";
import { blobName, digestOf, json, makeImage, ociBlobs, ociIndex, oldDockerArchive, tarOf } from "../support/image-archives.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox");
const host = useWherryHost("image-shapes");
let busybox: Buffer;

beforeAll(() => {
  if (test !== bunTest) return;
  const data = readFileSync(["/bin/busybox", "/usr/bin/busybox"].find(existsSync) ?? "");
  const common = { uid: 0, gid: 0, mtime: { seconds: 1_000_000_000, nanos: 0 }, mode: 0o755 };
  const header = encodeHeader({ ...common, type: "file", path: encodeText("bin/sh"), size: data.length });
  busybox = Buffer.concat([header, data, padding(data.length), tarEnd]);
});

/** Loads an image with busybox as `/bin/sh` and those layers above it. */
async function load(name: string, layers: readonly Buffer[], config: object = {}): Promise<void> {
  const path = `${host.directory}/image.tar`;
  writeFileSync(path, tarOf(oldDockerArchive([{ image: makeImage([busybox, ...layers], config), tags: [name] }])));
  await host.ok(["load", "-q", "-i", path]);
}
const sh = (image: string, script: string, ...flags: readonly string[]) => host.ok(["run", "--rm", ...flags, image, "sh", "-c", script]);
const link = (path: string, target: string): Member => ({ path, type: "symlink", target });

describe("layers", () => {
  test("one without a byte, which is no tar but is found in images", async () => {
    await load("empty", [Buffer.alloc(0), archive({ path: "a", data: "1" })]);
    expect(await sh("empty", "cat /a")).toBe("1");
  });

  test("one with names that lead through its own links, as put together from packages", async () => {
    await load("through", [archive(link("var/run", "/run"), { path: "var/run/pid", data: "1" })]);
    expect(await sh("through", "readlink /var/run; cat /run/pid")).toBe("/run\n1");
  });
});

describe("links in place of the files that the engine manages", () => {
  const words = "cat /etc/hostname; grep -c localhost /etc/hosts; cat /etc/resolv.conf > /count && echo ok";

  test("are covered themselves: what they lead to stays as it is, and may be covered too", async () => {
    const links = archive(link("etc/resolv.conf", "../run/resolve/stub"), link("etc/hostname", "/run/name"), link("etc/hosts", "/srv"));
    await load("links", [links, archive({ path: "srv", type: "directory", mode: 0o755 })]);
    const run = `${host.directory}/run-of-the-host`;
    mkdirSync(run);
    for (const flags of [[], ["--tmpfs", "/run"], ["-v", "/run"], ["-v", `${run}:/run:ro`], ["-v", `${run}:/run`]]) {
      expect(await sh("links", words, "-h", "box", ...flags)).toBe("box\n2\nok");
    }
    expect(readdirSync(run)).toEqual([]);
    await host.ok(["run", "-d", "--name", "linked", "links", "sh", "-c", "sleep 60"]);
    await host.ok(["cp", "linked:/etc/hosts", `${host.directory}/hosts`]);
    expect(readFileSync(`${host.directory}/hosts`, "utf8")).toContain("localhost");
    expect(await host.ok(["diff", "linked"])).toBe("");
  });
});

describe("configurations", () => {
  test("fields in another case, a command that is a string, a label that is null", async () => {
    await load("odd", [], { Cmd: null, cmd: "true", env: ["A=1"], LABELS: { a: null, b: "c" } });
    expect(await host.ok(["run", "--rm", "-e", "A", "--entrypoint", "/bin/sh", "odd", "-c", "echo $A"])).toBe("");
    expect(await host.ok(["inspect", "-f", "{{.Config.Cmd}} {{.Config.Env}} {{json .Config.Labels}}", "odd"])).toBe(
      '[true] [A=1] {"a":"","b":"c"}',
    );
    await host.ok(["save", "-o", `${host.directory}/odd.tar`, "odd"]);
    const id = await host.ok(["inspect", "-f", "{{.Id}}", "odd"]);
    await host.ok(["rmi", "odd"]);
    await host.ok(["load", "-q", "-i", `${host.directory}/odd.tar`]);
    expect(await host.ok(["inspect", "-f", "{{.Id}}", "odd"])).toBe(id);
  });

  test("volumes that are relative", async () => {
    await load("volumes", [], { Volumes: { data: {}, '["/x",': {} } });
    expect(await sh("volumes", "grep -c -e ' /data ' -e ' /\\[' /proc/self/mountinfo; test -d /data && echo there")).toBe("2\nthere");
  });

  test("-e NAME without a value removes what the image has", async () => {
    await load("env", [], { Env: ["WHERRY_A=1", "WHERRY_B=2"] });
    expect(await sh("env", "env | grep WHERRY_", "-e", "WHERRY_A")).toBe("WHERRY_B=2");
  });

  test("-e NODE_ENV passes the caller's on, though our own runtime must not see it", async () => {
    const words = ["run", "--rm", "--network", "none", "-e", "NODE_ENV", "-e", "MIMALLOC_VERBOSE", "base", "env"];
    const { stdout, stderr } = await host.start(words, { env: { NODE_ENV: "test", MIMALLOC_VERBOSE: "1" } }).done;
    expect(stderr).toBe("");
    expect(stdout).toContain("NODE_ENV=test\nMIMALLOC_VERBOSE=1\n");
  });
});

describe("what lies in a place to mount on", () => {
  const mounted = "cat /proc/1/comm; test -c /dev/null && test -d /sys/kernel && cat /etc/hostname";
  const shapes: Readonly<Record<string, (name: string) => Member[]>> = {
    "a file": (name) => [{ path: name, data: "x" }],
    "a fifo": (name) => [{ path: name, type: "fifo" }],
    "a link to a directory": (name) => [
      { path: "real", type: "directory" },
      { path: "real/x", type: "directory" },
      { path: name, type: "symlink", target: "/real/x" },
    ],
    "a link to nothing": (name) => [{ path: name, type: "symlink", target: "no/where" }],
    "a link to itself": (name) => [{ path: name, type: "symlink", target: name }],
  };
  for (const name of ["proc", "sys", "dev"]) {
    test.each(Object.keys(shapes))(`/${name} is %s`, async (shape) => {
      await load("places", [archive(...(shapes[shape]?.(name) ?? []))]);
      expect(await sh("places", mounted, "--hostname", "inside")).toBe("sh\ninside");
      expect(await sh("places", mounted, "--hostname", "inside", "--read-only")).toBe("sh\ninside");
    });
  }

  test("with --explain the plan is told once", async () => {
    await load("explained", [archive({ path: "proc", data: "x" })]);
    const { code, stdout, stderr } = await host.wherry([
      "run",
      "--rm",
      "--explain",
      "--json",
      "explained",
      "sh",
      "-c",
      "test -d /proc/1 && echo there",
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "there\n" });
    expect(JSON.parse(stderr)).toHaveProperty("steps");
  });

  test("an /etc that is a file gives way, also in a user namespace, and again when the container starts anew", async () => {
    await load("etc", [archive({ path: "etc", data: "x" }, { path: "proc", data: "x" })]);
    await host.ok(["run", "--name", "etc", "--userns", "auto", "--hostname", "inside", "etc", "sh", "-c", mounted]);
    expect(await host.ok(["start", "-a", "etc"])).toBe("sh\ninside");
    expect(await host.ok(["logs", "etc"])).toBe("sh\ninside\nsh\ninside");
    expect(await sh("etc", "stat -c '%u %g %a' /etc; touch /etc/x && ls /etc", "--userns", "auto")).toStartWith("0 0 755");
    await host.ok(["rm", "etc"]);
  });

  test("what a volume or the working directory lies on does not: as with docker that is an error", async () => {
    await load("volume", [archive({ path: "v", data: "x" })], { Volumes: { "/v": {} } });
    expect(await host.wherry(["run", "--rm", "volume", "true"])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("make the directory `/v`: not a directory"),
    });
    expect(await host.wherry(["run", "--rm", "-w", "/bin/sh/x", "volume", "true"])).toMatchObject({ code: 125 });
  });
});

describe("OCI layouts", () => {
  const layout = async (entries: (image: ReturnType<typeof ociBlobs>) => readonly object[], ...blobs: readonly Buffer[]) => {
    const image = ociBlobs(makeImage([busybox]));
    const files = { ...image.files, ...Object.fromEntries(blobs.map((blob) => [blobName(blob), blob])) };
    const path = `${host.directory}/layout.tar`;
    writeFileSync(path, tarOf({ ...files, "oci-layout": json({ imageLayoutVersion: "1.0.0" }), "index.json": ociIndex(entries(image)) }));
    return host.wherry(["load", "-i", path]);
  };
  const empty = Buffer.from("{}");
  const descriptor = { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(empty), size: empty.length };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const artifact = json({ schemaVersion: 2, mediaType, artifactType: "application/x", config: descriptor, layers: [descriptor] });
  const signature = { mediaType, digest: digestOf(artifact), size: artifact.length };

  test("artifacts beside an image are passed over; alone they are no image", async () => {
    const annotations = { "io.containerd.image.name": "docker.io/library/signed:1" };
    expect(await layout(({ descriptor: own }) => [signature, { ...own, annotations }], artifact, empty)).toMatchObject({
      code: 0,
      stdout: "Loaded image: signed:1\n",
    });
    expect((await layout(() => [signature], artifact, empty)).stderr).toContain("this is not a container image");
  });

  const named = (name: string, key = "io.containerd.image.name") => ({ annotations: { [key]: name } });
  const sha512 = { mediaType, digest: `sha512:${"ab".repeat(64)}`, size: 10 };

  test.each(["xz", "bzip2"])(
    "a layer of %s, which other engines take whatever its media type says, is kept as it came",
    async (program) => {
      const compress = (layer: Buffer) => spawnSync(program, ["-c"], { input: layer, maxBuffer: 1e8 }).stdout;
      const image = ociBlobs(makeImage([busybox, archive({ path: "f", data: program })]), compress);
      const annotations = { "io.containerd.image.name": `docker.io/library/of-${program}:1` };
      const path = `${host.directory}/layout.tar`;
      const index = ociIndex([{ ...image.descriptor, annotations }]);
      writeFileSync(path, tarOf({ ...image.files, "oci-layout": json({ imageLayoutVersion: "1.0.0" }), "index.json": index }));
      for (const format of ["oci", "docker"]) {
        expect(await host.ok(["load", "-i", path])).toBe(`Loaded image: of-${program}:1`);
        expect(await sh(`of-${program}:1`, "cat /f")).toBe(program);
        await host.ok(["save", "--format", format, "-o", path, `of-${program}:1`]);
        await host.ok(["rmi", `of-${program}:1`]);
      }
      await host.ok(["load", "-i", path]);
      expect(await sh(`of-${program}:1`, "cat /f")).toBe(program);
      await host.ok(["rmi", `of-${program}:1`]);
    },
    30_000,
  );

  test("a digest in a name is compared with the image's, and then counts, as when it is pulled", async () => {
    for (const key of ["io.containerd.image.name", "org.opencontainers.image.ref.name"]) {
      const right = await layout(({ descriptor: own }) => [{ ...own, ...named(`docker.io/library/by-digest:1@${own.digest}`, key) }]);
      expect(right.stdout).toMatch(/^Loaded image: by-digest@sha256:[0-9a-f]{64}\n$/);
      await host.ok(["rmi", right.stdout.trim().slice("Loaded image: ".length)]);
      const forged = `docker.io/library/by-digest:1@sha256:${"ab".repeat(32)}`;
      const wrong = await layout(({ descriptor: own }) => [{ ...own, ...named(forged, key) }]);
      expect(wrong).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining(`it calls an image \`${forged}\` whose digest is`),
      });
    }
    expect(await host.ok(["images", "-q", "by-digest"])).toBe("");
  });

  test("an entry with a digest of another algorithm fails alone", async () => {
    const refused = { code: 1, stderr: expect.stringContaining(`\`${sha512.digest}\` is not a sha256 digest, and only such are taken`) };
    const told = { ...refused, stdout: "Loaded image: this:1\n" };
    expect(
      await layout(({ descriptor: own }) => [
        { ...sha512, ...named("other:1") },
        { ...own, ...named("this:1") },
      ]),
    ).toMatchObject(told);
    expect(await sh("this:1", "echo runs")).toBe("runs");
    await host.ok(["rmi", "this:1"]);
    expect(await layout(() => [{ ...sha512, ...named("other:1") }])).toMatchObject(refused);
    // Where it is not what is wanted, it is nothing.
    const platform = { os: "linux", architecture: "s390x" };
    const here = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
    const both = await layout(({ descriptor: own }) => [
      { ...sha512, platform, ...named("both:1") },
      { ...own, platform: here, ...named("both:1") },
      { ...sha512, mediaType: "application/vnd.example+json" },
    ]);
    expect(both).toMatchObject({ code: 0, stdout: "Loaded image: both:1\n" });
    await host.ok(["rmi", "both:1"]);
  });

  test("an annotation that is no name leaves the image without one", async () => {
    const annotations = { "org.opencontainers.image.ref.name": "a title: with words" };
    expect((await layout(({ descriptor: own }) => [{ ...own, annotations }])).stdout).toMatch(/^Loaded image ID: sha256:/);
  });
});

test("of a docker archive's name with a digest the tag counts: there is no manifest to compare with", async () => {
  const forged = `@sha256:${"ab".repeat(32)}`;
  const path = `${host.directory}/image.tar`;
  const write = (tag: string) => writeFileSync(path, tarOf(oldDockerArchive([{ image: makeImage([busybox]), tags: [tag] }])));
  write(`tagged:1${forged}`);
  expect(await host.ok(["load", "-i", path])).toBe("Loaded image: tagged:1");
  expect(await host.ok(["images", "--digests", "--format", "{{.Digest}}", "tagged"])).toBe("<none>");
  write(`tagged${forged}`);
  expect((await host.wherry(["load", "-i", path])).stderr).toContain(`invalid tag \`tagged${forged}\``);
});

test("an image for another platform runs if it can, with a warning", async () => {
  const path = `${host.directory}/image.tar`;
  writeFileSync(path, tarOf(oldDockerArchive([{ image: makeImage([busybox], {}, "s390x"), tags: ["foreign"] }])));
  await host.ok(["load", "-q", "-i", path]);
  const warning = /^WARNING: The requested image's platform \(linux\/s390x\) does not match/;
  expect(await host.wherry(["run", "--rm", "foreign", "sh", "-c", "echo runs"])).toMatchObject({
    code: 0,
    stdout: "runs\n",
    stderr: expect.stringMatching(warning),
  });
  expect((await host.wherry(["create", "--rm", "foreign", "sh"])).stderr).toMatch(warning);
});

test("an image that has no /etc/mtab gets docker's, and one of its own is kept", async () => {
  await load("plain", []);
  expect(await sh("plain", "readlink /etc/mtab")).toBe("/proc/mounts");
  await load("own-mtab", [archive({ path: "etc/mtab", data: "own" })]);
  expect(await sh("own-mtab", "cat /etc/mtab")).toBe("own");
});
