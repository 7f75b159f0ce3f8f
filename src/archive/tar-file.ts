import { fstatSync, readSync } from "node:fs";
import type { TarEntry } from "./tar-entry.ts";
import { invalidTar } from "./tar-entry.ts";
import { parseTar } from "./tar-parser.ts";

const windowSize = 64 * 1024;

/**
 * The entries of the uncompressed tar that is the open file `fd`, in order. Only headers are read; the data stays where it is
 * (`segments`). Every segment has been checked to lie within the file.
 * @throws {EngineError} TAR_INVALID
 */
export function* readTarFile(fd: number): Generator<TarEntry> {
  const fileSize = fstatSync(fd).size;
  const parser = parseTar();
  // One for all of the archive: the collector would be late for one each time.
  let memory = Buffer.allocUnsafeSlow(windowSize);
  let window = Buffer.alloc(0);
  let windowStart = 0;
  let position = 0;
  let step = parser.next();
  while (step.done !== true) {
    switch (step.value.kind) {
      case "entry": {
        const { entry } = step.value;
        for (const { offset, length } of entry.segments) {
          if (offset + length > fileSize) throw invalidTar("the archive ends too early", entry.path);
        }
        yield entry;
        step = parser.next();
        break;
      }
      case "skip":
        position += step.value.length;
        step = parser.next();
        break;
      case "read": {
        const { length } = step.value;
        if (position < windowStart || position + length > windowStart + window.length) {
          if (memory.length < length) memory = Buffer.allocUnsafeSlow(length);
          const wanted = memory.subarray(0, Math.max(windowSize, length));
          windowStart = position;
          window = wanted.subarray(0, readFully(fd, wanted, position));
        }
        const bytes = window.subarray(position - windowStart, position - windowStart + length);
        position += bytes.length;
        step = parser.next(bytes);
      }
    }
  }
}

function readFully(fd: number, into: Buffer, position: number): number {
  let got = 0;
  while (got < into.length) {
    const n = readSync(fd, into, got, into.length - got, position + got);
    if (n === 0) break;
    got += n;
  }
  return got;
}
