import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { EngineError } from "../core/engine-error.ts";
import { ZstdEnd } from "./zstd-end.ts";

export type Compression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

/** Told by the first bytes (six are enough). @throws {EngineError} COMPRESSION_UNAVAILABLE for other formats */
export function detectCompression(head: Uint8Array): Compression {
  const begins = (...magic: number[]) => magic.every((byte, at) => head[at] === byte);
  if (begins(0x1f, 0x8b)) return "gzip";
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  // A frame that decoders skip; pzstd and estargz begin with one.
  if ((head[0] ?? 0) >> 4 === 5 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return "zstd";
  if (begins(0x42, 0x5a, 0x68)) return "bzip2";
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return "xz";
  // What no tar begins with: a member's name has no such bytes.
  if (begins(0x50, 0x4b, 0x03, 0x04)) throw unknownFormat("a zip archive");
  if (begins(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c)) throw unknownFormat("a 7z archive");
  if (begins(0x04, 0x22, 0x4d, 0x18)) throw unknownFormat("lz4");
  if (begins(0x1f, 0x9d)) throw unknownFormat("compress (.Z)");
  return "none";
}

/**
 * The bytes of `source` decompressed, as they come. gzip and zstd by zlib, on its thread pool; bzip2 and xz by the host's programs.
 * @throws {EngineError} COMPRESSION_UNAVAILABLE when the host lacks the program, COMPRESSION_INVALID for damaged or truncated data.
 */
export async function* decompress(kind: Exclude<Compression, "none">, source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  if (kind === "bzip2" || kind === "xz") {
    yield* decompressByProgram(kind, source);
    return;
  }
  const zlib = await import("node:zlib");
  const chunkSize = 256 * 1024;
  const inflate = kind === "gzip" ? zlib.createGunzip({ chunkSize }) : zlib.createZstdDecompress({ chunkSize });
  const end = kind === "zstd" ? new ZstdEnd() : undefined;
  let failure: Error | undefined;
  const input = Readable.from(watched(source, end), { objectMode: false });
  // `pipe` does not pass errors on.
  input.on("error", (error) => {
    failure = error;
    inflate.destroy(error);
  });
  input.pipe(inflate);
  try {
    for await (const chunk of inflate) yield chunk as Buffer;
    if (end?.isWhole === false) throw new Error("unexpected end of file");
  } catch (cause) {
    throw failure ?? damaged(kind, cause);
  } finally {
    input.destroy();
    inflate.destroy();
  }
}

async function* watched(source: AsyncIterable<Uint8Array>, end: ZstdEnd | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    end?.push(chunk);
    yield chunk;
  }
}

async function* decompressByProgram(program: "bzip2" | "xz", source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const child = spawn(program, ["-dc"], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<{ readonly status: number | null; readonly error?: Error }>((resolve) => {
    child.on("error", (error) => resolve({ status: null, error }));
    child.on("close", (status) => resolve({ status }));
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said = (said + text.toString("utf8")).slice(0, 500);
  });
  let failure: Error | undefined;
  const input = Readable.from(source, { objectMode: false });
  input.on("error", (error) => {
    failure = error;
    child.kill();
  });
  // The program may stop reading (damaged input): its exit status tells.
  child.stdin.on("error", () => {});
  input.pipe(child.stdin);
  try {
    let broken: unknown;
    try {
      for await (const chunk of child.stdout) yield chunk as Buffer;
    } catch (error) {
      // Of a program that could not be started.
      broken = error;
    }
    const { status, error } = await ended;
    if (failure !== undefined) throw failure;
    if (error !== undefined) {
      throw new EngineError({
        kind: "failedPrecondition",
        code: "COMPRESSION_UNAVAILABLE",
        message: `decompress archive: this host has no \`${program}\`; install it, or use gzip or zstd`,
        cause: error,
      });
    }
    if (status !== 0 || broken !== undefined) throw damaged(program, new Error(said.trim()));
  } finally {
    input.destroy();
    child.kill();
  }
}

function unknownFormat(what: string): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "COMPRESSION_UNAVAILABLE",
    message: `read archive: this is ${what}; a tar is taken, plain or compressed with gzip, zstd, bzip2 or xz`,
  });
}

function damaged(kind: Compression, cause: unknown): EngineError {
  const why = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  return new EngineError({
    kind: "invalidArgument",
    code: "COMPRESSION_INVALID",
    message: `decompress archive: damaged or truncated ${kind} data${why}`,
    cause,
  });
}
