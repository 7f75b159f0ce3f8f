import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { readTarFile } from "../../src/archive/tar-file.ts";
import { whiteoutOf } from "../../src/archive/whiteout.ts";
import { EngineError } from "../../src/core/engine-error.ts";
import { archive } from "../contracts/layer-driver.ts";

const numRuns = Number(process.env["WHERRY_FUZZ_RUNS"] ?? 2000);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-fuzz-tar-`);
});
afterAll(() => rmSync(directory, { recursive: true }));

const seed = archive(
  { path: "dir", type: "directory" },
  { path: "dir/file", data: "hello", mtime: { seconds: 5, nanos: 7 }, xattrs: { "user.a": "b" } },
  { path: "n".repeat(180), data: "long" },
  { path: "link", type: "symlink", target: "dir/file" },
  { path: "hard", type: "hardlink", target: "dir/file" },
  { path: "dev", type: "character", major: 1, minor: 3 },
  { path: "dir/.wh.gone" },
  { path: "big", data: "x".repeat(3000), uid: 3_000_000 },
);

/** Reads to the end or to a refusal, and checks what is promised of every entry on the way. */
function readAll(bytes: Uint8Array): void {
  writeFileSync(`${directory}/a.tar`, bytes);
  const fd = openSync(`${directory}/a.tar`, "r");
  try {
    for (const entry of readTarFile(fd)) {
      expect(entry.path.split("/").some((part) => part === ".." || part === "")).toBe(false);
      expect(entry.path.includes("\0") || entry.path.startsWith("/")).toBe(false);
      expect(entry.path.length).toBeLessThan(4096);
      expect(entry.size).toBeGreaterThanOrEqual(0);
      expect(Number.isSafeInteger(entry.size) && Number.isSafeInteger(entry.mtime.seconds)).toBe(true);
      expect(entry.mtime.nanos >= 0 && entry.mtime.nanos < 1e9).toBe(true);
      for (const { offset, length, fileOffset } of entry.segments) {
        expect(offset >= 0 && offset + length <= bytes.length).toBe(true);
        expect(fileOffset >= 0 && fileOffset + length <= entry.size).toBe(true);
      }
      whiteoutOf(entry);
    }
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "TAR_INVALID") throw error;
  } finally {
    closeSync(fd);
  }
}

/** Bytes replaced, and header checksums made right again half of the time, since otherwise nothing else is ever reached. */
const damage = fc.record({
  changes: fc.array(fc.record({ at: fc.nat(seed.length - 1), byte: fc.nat(255) }), { minLength: 1, maxLength: 6 }),
  cut: fc.option(fc.nat(seed.length), { freq: 4 }),
  mend: fc.boolean(),
});

function mendChecksums(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    bytes.write("        ", at + 148, "latin1");
    let sum = 0;
    for (let index = at; index < at + 512; index++) sum += bytes[index] ?? 0;
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
  }
}

describe("tar reader, fuzzed", () => {
  test("a damaged archive is read or refused with TAR_INVALID, and what is read keeps its promises", () => {
    fc.assert(
      fc.property(damage, ({ changes, cut, mend }) => {
        const bytes = Buffer.from(seed);
        for (const { at, byte } of changes) bytes[at] = byte;
        if (mend) mendChecksums(bytes);
        readAll(cut === null ? bytes : bytes.subarray(0, cut));
      }),
      { numRuns },
    );
  });

  test("so is anything at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => readAll(bytes)),
      { numRuns: numRuns / 4 },
    );
  });
});
