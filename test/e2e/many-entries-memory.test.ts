// What a layer of many entries takes: their names, and not much more.
// timeout: 900 s
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Digest } from "../../src/core/brands.ts";
import { FakeRegistry } from "../fakes/fake-registry.ts";
import { manyEntries } from "../support/hostile-layers.ts";
import { json } from "../support/image-archives.ts";
import { rawMember } from "../support/raw-tar.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";
import type { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs");
const host = useWherryHost("many-entries-memory");
/** MB for a million entries, whichever driver and command. */
const bound = 200;
const million = 1_000_000;
/**
 * Unpacking a million takes the kernel most of a minute. What is not the engine's own (70 MB) grows with the entries at most: where these stay beneath
 * this bound, 60 bytes for each of the others (columns and slots) and those of its name leave a million beneath the one above.
 */
const fewer = 300_000;
const fewerBound = 140;

/** Highest resident memory of the program, and of the launchers that it has started, in MB. */
async function peakOf(program: RunningProgram): Promise<number> {
  const peaks = new Map<string, number>();
  const look = (pid: string): void => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      // Between fork and exec a child shows its parent's memory.
      const isFork = pid !== String(program.child.pid) && !/^Name:\s*launcher/m.test(status);
      if (!isFork) peaks.set(pid, Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) / 1000);
      for (const task of readdirSync(`/proc/${pid}/task`))
        for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ")) if (child !== "") look(child);
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(() => look(String(program.child.pid)), 5);
  const result = await program.done;
  clearInterval(timer);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  return [...peaks.values()].reduce((sum, peak) => sum + peak, 0);
}

async function sendTo(program: RunningProgram, chunks: AsyncIterable<Buffer>): Promise<void> {
  const { stdin } = program.child;
  for await (const chunk of chunks) if (stdin?.write(chunk) === false) await once(stdin, "drain");
  stdin?.end();
}

async function* imageArchive(layer: () => AsyncIterable<Buffer>, summed: Summed): AsyncGenerator<Buffer> {
  yield rawMember({ name: "layer.tar", size: summed.bytes });
  yield* layer();
  const config = json({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [summed.digest] } });
  yield rawMember({ name: "c.json", data: config.toString() });
  yield rawMember({ name: "manifest.json", data: json([{ Config: "c.json", RepoTags: ["many:1"], Layers: ["layer.tar"] }]).toString() });
  yield Buffer.alloc(1024);
}

interface Summed {
  readonly digest: Digest;
  readonly bytes: number;
}

async function sum(layer: AsyncIterable<Buffer>): Promise<Summed> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of layer) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { digest: `sha256:${hash.digest("hex")}` as Digest, bytes };
}

const withFiles = requires("root", "binary", "overlayfs", "erofs-files");

async function importPeak(count: number, env: Readonly<Record<string, string>>): Promise<number> {
  const program = host.start(["import", "-", "many:1"], { openStdin: true, timeoutMs: 300_000, env });
  const peak = peakOf(program);
  await sendTo(program, manyEntries(count));
  const found = await peak;
  await host.ok(["rmi", "many:1"], { timeoutMs: 300_000 });
  return found;
}

async function loadPeak(layer: () => AsyncIterable<Buffer>, summed: Summed, env: Readonly<Record<string, string>>): Promise<number> {
  const program = host.start(["load"], { openStdin: true, timeoutMs: 300_000, env });
  const peak = peakOf(program);
  await sendTo(program, imageArchive(layer, summed));
  const found = await peak;
  await host.ok(["rmi", "many:1"], { timeoutMs: 300_000 });
  return found;
}

async function pullPeak(layer: () => AsyncIterable<Buffer>, summed: Summed, env: Readonly<Record<string, string>>): Promise<number> {
  await using registry = await FakeRegistry.start();
  const config = registry.addBlob(json({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [summed.digest] } }));
  registry.addManifest("many:1", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config.digest, size: config.bytes.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: summed.digest, size: summed.bytes }],
  });
  registry.intercept = (request, response) => {
    if (!request.url?.endsWith(summed.digest)) return false;
    response.writeHead(200, { "content-length": summed.bytes });
    void (async () => {
      for await (const chunk of layer()) if (!response.write(chunk)) await once(response, "drain");
      response.end();
    })();
    return true;
  };
  const image = `${registry.host}/many:1`;
  const found = await peakOf(host.start(["pull", "-q", image], { timeoutMs: 300_000, env }));
  await host.ok(["rmi", image], { timeoutMs: 300_000 });
  return found;
}

withFiles(
  "a layer of a million entries is imported in less than 200 MB",
  async () => {
    expect(await importPeak(million, { WHERRY_LAYER_DRIVER: "erofs" })).toBeLessThan(bound);
  },
  300_000,
);

for (const [driver, testDriver] of [
  ["erofs", withFiles],
  ["directory", test],
] as const) {
  testDriver(
    `one of ${fewer} is imported, loaded and pulled in its part of that by the driver ${driver}`,
    async () => {
      const env = { WHERRY_LAYER_DRIVER: driver };
      const layer = (): AsyncIterable<Buffer> => manyEntries(fewer);
      const summed = await sum(layer());
      expect(await importPeak(fewer, env)).toBeLessThan(fewerBound);
      expect(await loadPeak(layer, summed, env)).toBeLessThan(fewerBound);
      expect(await pullPeak(layer, summed, env)).toBeLessThan(fewerBound);
    },
    800_000,
  );
}
