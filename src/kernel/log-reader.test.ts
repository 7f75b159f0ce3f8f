import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { readLog, type ReadLogOptions } from "./log-reader.ts";

let directory: string;
let log: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-log-reader-`);
  log = `${directory}/log`;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const both = { stdout: true, stderr: true };
const time = (second: number): string => `2026-01-02T03:04:${String(second).padStart(2, "0")}.000000001Z`;
const record = (second: number, text: string, stream: "stdout" | "stderr" = "stdout", tag: "F" | "P" = "F"): string =>
  `${time(second)} ${stream} ${tag} ${text}\n`;
const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => record((from + i) % 60, `line ${from + i}`)).join("");

async function read(options: ReadLogOptions): Promise<string[]> {
  const lines: string[] = [];
  for await (const entry of readLog(log, options))
    lines.push(`${entry.stream === "stderr" ? "2:" : ""}${Buffer.from(entry.bytes).toString("latin1")}${entry.partial ? "…" : ""}`);
  return lines;
}

test("readLog() yields nothing when there is no log", async () => {
  expect(await read(both)).toEqual([]);
});

test("readLog() yields entries with their stream, time, newline and partial mark", async () => {
  writeFileSync(log, record(1, "out") + record(2, "err", "stderr") + record(3, "part", "stdout", "P") + record(4, ""));
  const entries = await Array.fromAsync(readLog(log, both));
  expect(entries.map(({ bytes, ...rest }) => ({ ...rest, text: Buffer.from(bytes).toString() }))).toEqual([
    { stream: "stdout", time: time(1), partial: false, text: "out\n" },
    { stream: "stderr", time: time(2), partial: false, text: "err\n" },
    { stream: "stdout", time: time(3), partial: true, text: "part" },
    { stream: "stdout", time: time(4), partial: false, text: "\n" },
  ]);
});

test("readLog() keeps NULs, carriage returns and bytes that are no UTF-8", async () => {
  writeFileSync(log, Buffer.concat([Buffer.from(`${time(1)} stdout F `), Buffer.from([0, 13, 255, 254, 10])]));
  const [entry] = await Array.fromAsync(readLog(log, both));
  expect(Buffer.from(entry?.bytes ?? [])).toEqual(Buffer.from([0, 13, 255, 254, 10]));
});

test("readLog() reads rotated files from the oldest on", async () => {
  writeFileSync(`${log}.2`, numbered(0, 2));
  writeFileSync(`${log}.1`, numbered(2, 4));
  writeFileSync(log, numbered(4, 5));
  expect(await read(both)).toEqual([0, 1, 2, 3, 4].map((i) => `line ${i}\n`));
});

test("readLog() passes over half records that a crash has left", async () => {
  writeFileSync(log, `${record(1, "a")}2026-01-02T03\n${record(2, "b")}${time(3)} stdout F unfinished`);
  expect(await read(both)).toEqual(["a\n", "b\n"]);
});

test("readLog() with tail yields the last lines when they lie in several files and blocks", async () => {
  writeFileSync(`${log}.1`, numbered(0, 5000));
  writeFileSync(log, numbered(5000, 10_000));
  for (const tail of [0, 1, 7, 4999, 5000, 5001, 9999, 10_000, 20_000]) {
    const lines = await read({ ...both, tail });
    expect(lines).toEqual(Array.from({ length: Math.min(tail, 10_000) }, (_, i) => `line ${Math.max(0, 10_000 - tail) + i}\n`));
  }
});

test("readLog() with tail counts a cut line as one and leaves the other stream's earlier lines out", async () => {
  writeFileSync(
    log,
    record(1, "old") +
      record(2, "A1", "stdout", "P") +
      record(2, "e1", "stderr") +
      record(3, "A2", "stdout", "P") +
      record(3, "A3") +
      record(4, "e2", "stderr") +
      record(5, "tail", "stdout", "P"),
  );
  expect(await read({ ...both, tail: 1 })).toEqual(["tail…"]);
  expect(await read({ ...both, tail: 2 })).toEqual(["2:e2\n", "tail…"]);
  expect(await read({ ...both, tail: 3 })).toEqual(["A1…", "A2…", "A3\n", "2:e2\n", "tail…"]);
  expect(await read({ stdout: false, stderr: true, tail: 1 })).toEqual(["2:e2\n"]);
});

test("readLog() with since, until and a stream yields only what passes all of them", async () => {
  writeFileSync(log, record(1, "a") + record(2, "b", "stderr") + record(3, "c") + record(4, "d"));
  const since = new Date("2026-01-02T03:04:02Z");
  const until = new Date("2026-01-02T03:04:03.500Z");
  expect(await read({ ...both, since })).toEqual(["2:b\n", "c\n", "d\n"]);
  expect(await read({ ...both, since, until })).toEqual(["2:b\n", "c\n"]);
  expect(await read({ stdout: true, stderr: false, since, until })).toEqual(["c\n"]);
  expect(await read({ ...both, until, tail: 1 })).toEqual(["c\n"]);
});

test("readLog() reads a 16 KiB line across its blocks", async () => {
  const lines = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(16_384));
  writeFileSync(log, lines.map((line, i) => record(i, line)).join(""));
  expect(await read(both)).toEqual(lines.map((line) => `${line}\n`));
  expect(await read({ ...both, tail: 6 })).toEqual(lines.slice(-6).map((line) => `${line}\n`));
});

test("readLog() with follow yields what is written later, through rotations, and ends after done", async () => {
  writeFileSync(log, numbered(0, 2));
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const lines: string[] = [];
  for await (const entry of readLog(log, { ...both, follow: true, done })) {
    lines.push(Buffer.from(entry.bytes).toString().trim());
    if (lines.length === 2) appendFileSync(log, numbered(2, 3));
    if (lines.length === 3) {
      appendFileSync(log, numbered(3, 4));
      renameSync(log, `${log}.1`);
      writeFileSync(log, numbered(4, 5));
      renameSync(`${log}.1`, `${log}.2`);
      renameSync(log, `${log}.1`);
      writeFileSync(log, numbered(5, 6));
    }
    if (lines.length === 6) {
      appendFileSync(log, numbered(6, 7));
      finish();
    }
  }
  expect(lines).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `line ${i}`));
});

test("readLog() with follow waits for a log that is not there yet, and ends when aborted", async () => {
  const abort = new AbortController();
  const lines: string[] = [];
  setImmediate(() => writeFileSync(log, numbered(0, 1)));
  for await (const entry of readLog(log, { ...both, follow: true, signal: abort.signal })) {
    lines.push(Buffer.from(entry.bytes).toString());
    setImmediate(() => abort.abort());
  }
  expect(lines).toEqual(["line 0\n"]);
});

test("readLog() with follow ends when until has passed", async () => {
  writeFileSync(log, numbered(0, 1));
  expect(await read({ ...both, follow: true, until: new Date(Date.now() + 20) })).toEqual(["line 0\n"]);
});
