// What a pull takes does not grow with the layer.
// timeout: 120 s
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import type { Digest } from "../../src/core/brands.ts";
import { encodeHeader, tarEnd } from "../../src/archive/tar-writer.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import { FakeRegistry } from "../fakes/fake-registry.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const isThere = test === bunTest;
const host = useWherryHost("pull-memory");
const mebibyte = Buffer.alloc(1024 * 1024, "x");
const mebibytes = 1200;
let registry: FakeRegistry;
let digest: Digest;
let size = 0;

/** A tar with one large file; never all of it at once. */
function* layer(): Generator<Buffer> {
  const times = { mtime: { seconds: 1, nanos: 0 } };
  const member = {
    type: "file",
    path: encodeText("large"),
    target: encodeText(""),
    xattrs: new Map(),
    mode: 0o644,
    uid: 0,
    gid: 0,
  } as const;
  yield encodeHeader({ ...member, ...times, size: mebibytes * mebibyte.length });
  for (let count = 0; count < mebibytes; count++) yield mebibyte;
  yield tarEnd;
}

beforeAll(async () => {
  if (!isThere) return;
  registry = await FakeRegistry.start();
  const hash = createHash("sha256");
  for (const chunk of layer()) {
    hash.update(chunk);
    size += chunk.length;
  }
  digest = `sha256:${hash.digest("hex")}` as Digest;
  const config = registry.addBlob(
    Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [digest] } })),
  );
  registry.addManifest("large:1", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config.digest, size: config.bytes.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size }],
  });
}, 60_000);

afterAll(async () => {
  if (isThere) await registry[Symbol.asyncDispose]();
});

test("a layer of 1.2 GiB is pulled in less than 200 MB", async () => {
  let sent = false;
  let end: () => void = () => undefined;
  const send = async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, { "content-length": size });
    for (const chunk of layer()) {
      // All but the end, which waits until the peak has been read.
      if (chunk === tarEnd) break;
      if (!response.write(chunk)) await once(response, "drain");
    }
    sent = true;
    end = () => response.end(tarEnd);
  };
  registry.intercept = (request, response) => {
    if (!request.url?.endsWith(digest)) return false;
    void send(response);
    return true;
  };
  const program = host.start(["pull", "-q", `${registry.host}/large:1`], { timeoutMs: 100_000 });
  await poll("nearly all is sent", () => sent, { timeoutMs: 90_000, intervalMs: 50 });
  const peak = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${program.child.pid}/status`, "utf8"))?.[1];
  end();
  expect(await program.done).toMatchObject({ code: 0, stderr: "" });
  expect(Number(peak)).toBeGreaterThan(10_000);
  expect(Number(peak)).toBeLessThan(200_000);
}, 110_000);
