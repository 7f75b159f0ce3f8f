import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FdSink } from "./fd-sink.ts";

const directory = mkdtempSync(join(tmpdir(), "wherry-sink-"));
afterAll(() => rmSync(directory, { recursive: true }));

const ignore = (): void => {};
beforeAll(() => void process.on("SIGPIPE", ignore));
afterAll(() => void process.off("SIGPIPE", ignore));

/** Both ends of a pipe; the reading one does not block. */
function makePipe(name: string): { readonly reader: number; readonly writer: number } {
  const path = join(directory, name);
  spawnSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

function readAvailable(fd: number): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(65536);
    try {
      const count = readSync(fd, chunk);
      if (count === 0) break;
      chunks.push(chunk.subarray(0, count));
    } catch {
      break;
    }
  }
  return Buffer.concat(chunks);
}

describe("FdSink", () => {
  test("writes to a file at its offset, without waiting", () => {
    const path = join(directory, "file");
    const fd = openSync(path, "w");
    const sink = new FdSink(fd, "a file");
    expect(sink.write("one ")).toBeUndefined();
    expect(sink.write(Buffer.from("two"))).toBeUndefined();
    closeSync(fd);
    expect(readFileSync(path, "utf8")).toBe("one two");
  });

  test("keeps the order and blocks nothing while a pipe is full", async () => {
    const { reader, writer } = makePipe("full");
    const sink = new FdSink(writer, "a pipe");
    const big = Buffer.alloc(300_000, "a");
    const first = sink.write(big);
    const second = sink.write("the end");
    expect(first).toBeInstanceOf(Promise);
    expect(second).toBeInstanceOf(Promise);

    // Nobody has read yet: the timer shows that the event loop runs all the same.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const received: Buffer[] = [];
    let done = false;
    void sink.drain().then(() => {
      done = true;
    });
    while (!done) {
      received.push(readAvailable(reader));
      await new Promise((resolve) => setImmediate(resolve));
    }
    received.push(readAvailable(reader));
    expect(Buffer.concat(received).toString()).toBe(`${big.toString()}the end`);
    expect(sink.write("x")).toBeUndefined();
    closeSync(reader);
    closeSync(writer);
  });

  test("does not make the shared description non-blocking", () => {
    const { reader, writer } = makePipe("shared");
    void new FdSink(writer, "a pipe").write("x");
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${writer}`, "utf8"))?.[1] ?? "";
    expect(Number.parseInt(flags, 8) & constants.O_NONBLOCK).toBe(0);
    closeSync(reader);
    closeSync(writer);
  });

  test("drops everything once the reader has gone", async () => {
    const { reader, writer } = makePipe("gone");
    const sink = new FdSink(writer, "a pipe");
    closeSync(reader);
    await sink.write("x");
    expect(sink.write("y")).toBeUndefined();
    closeSync(writer);
  });

  test("says so when the reader goes while we wait for it", async () => {
    const { reader, writer } = makePipe("leaves");
    const sink = new FdSink(writer, "a pipe");
    const pending = sink.write(Buffer.alloc(200_000));
    expect(pending).toBeInstanceOf(Promise);
    closeSync(reader);
    await pending;
    expect(sink.write("x")).toBeUndefined();
    closeSync(writer);
  });

  test("takes a descriptor that is not open for a reader that has gone", async () => {
    const sink = new FdSink(999, "nothing");
    await sink.write("x");
    expect(sink.write("y")).toBeUndefined();
  });

  test("reports a full disk", () => {
    const fd = openSync("/dev/full", "w");
    expect(() => new FdSink(fd, "standard output").write("x")).toThrow(/^write to standard output: .*ENOSPC/);
    closeSync(fd);
  });
});
