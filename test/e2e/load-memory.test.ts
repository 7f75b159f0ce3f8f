// What a load takes does not grow with the layer, compressed or not.
// timeout: 180 s
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import { encodeHeader, padding, tarEnd } from "../../src/archive/tar-writer.ts";
import { encodeText } from "../../src/core/byte-string.ts";
import { json, tarOf } from "../support/image-archives.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs");
const host = useWherryHost("load-memory");
const mebibyte = Buffer.alloc(1024 * 1024, "x");
const mebibytes = 1200;
const header = (path: string, size: number): Buffer =>
  encodeHeader({ path: encodeText(path), type: "file", mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1, nanos: 0 }, size });

/** A tar with one large file; never all of it at once. */
function* layer(): Generator<Buffer> {
  yield header("large", mebibytes * mebibyte.length);
  for (let count = 0; count < mebibytes; count++) yield mebibyte;
  yield tarEnd;
}

/** What is being received: bytes beneath `content/ingest`. */
function receivedBytes(): number {
  const directory = `${host.root}/content/ingest`;
  if (!existsSync(directory)) return 0;
  return readdirSync(directory).reduce((sum, name) => sum + (statSync(`${directory}/${name}`, { throwIfNoEntry: false })?.size ?? 0), 0);
}

test.each(["plain", "gzip"] as const)(
  "a %s layer of 1.2 GiB is loaded in less than 200 MB",
  async (form) => {
    const hash = createHash("sha256");
    let plainBytes = 0;
    for (const chunk of layer()) {
      hash.update(chunk);
      plainBytes += chunk.length;
    }
    const zipped = form === "gzip" ? await buffer(Readable.from(layer()).pipe(createGzip({ level: 1 }))) : undefined;
    const config = json({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [`sha256:${hash.digest("hex")}`] } });
    const size = zipped?.length ?? plainBytes;
    const program = host.start(["load"], { openStdin: true, timeoutMs: 150_000 });
    const { stdin } = program.child;
    const send = async (chunk: Buffer): Promise<void> => {
      if (stdin?.write(chunk) === false) await once(stdin, "drain");
    };
    await send(header("layer.tar", size));
    for (const chunk of zipped === undefined ? layer() : [zipped]) await send(chunk);
    await send(padding(size));
    await poll("the layer is received", () => receivedBytes() >= plainBytes, { timeoutMs: 120_000, intervalMs: 50 });
    const peak = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${program.child.pid}/status`, "utf8"))?.[1];
    stdin?.end(tarOf({ "c.json": config, "manifest.json": json([{ Config: "c.json", RepoTags: [`${form}:1`], Layers: ["layer.tar"] }]) }));
    expect(await program.done).toMatchObject({ code: 0, stdout: `Loaded image: ${form}:1\n`, stderr: "" });
    expect(Number(peak)).toBeGreaterThan(10_000);
    expect(Number(peak)).toBeLessThan(200_000);
    await host.ok(["rmi", `${form}:1`]);
  },
  170_000,
);
