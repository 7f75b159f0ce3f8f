import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { encodeFrame, type Frame, FrameDecoder, frameTypes } from "./frames.ts";
import { ProcessConnection } from "./process-connection.ts";

let directory: string;
let server: Server;
/** The monitor's end. */
let monitor: Socket;
let connection: ProcessConnection;
let received: Frame[];

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/wherry-connection-`);
  const accepted = Promise.withResolvers<Socket>();
  server = createServer(accepted.resolve);
  await new Promise<void>((resolve) => server.listen(`${directory}/s`, resolve));
  connection = new ProcessConnection(connect(`${directory}/s`));
  monitor = await accepted.promise;
  const decoder = new FrameDecoder();
  received = [];
  monitor.on("data", (chunk: Buffer) => received.push(...decoder.push(chunk)));
  monitor.on("error", () => {});
});

afterEach(() => {
  connection.close();
  monitor.destroy();
  server.close();
  rmSync(directory, { recursive: true });
});

const output = (text: string, stream = 1): Buffer => encodeFrame(frameTypes.output, Buffer.from(text), stream);

function exitedFrame(status: number, time: bigint): Buffer {
  const payload = Buffer.alloc(12);
  payload.writeInt32LE(status, 0);
  payload.writeBigInt64LE(time, 4);
  return encodeFrame(frameTypes.exited, payload);
}

test("ended resolves with status and time after the last output was handled", async () => {
  const seen: string[] = [];
  connection.onOutput(async ({ stream, bytes }) => {
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${stream} ${Buffer.from(bytes).toString()}`);
  });
  monitor.write(Buffer.concat([output("a"), output("b", 2), exitedFrame(256, 7n)]));
  expect(await connection.ended).toEqual({ waitStatus: 256, time: 7n });
  expect(seen).toEqual(["stdout a", "stderr b"]);
});

test("output that comes before there is a handler waits for it", async () => {
  monitor.end(Buffer.concat([output("early"), exitedFrame(0, 0n)]));
  await new Promise<void>((resolve) => monitor.once("finish", () => resolve()));
  const seen: string[] = [];
  connection.onOutput(({ bytes }) => void seen.push(Buffer.from(bytes).toString()));
  expect((await connection.ended)?.waitStatus).toBe(0);
  expect(seen).toEqual(["early"]);
});

test("nothing is read while a handler's promise is pending", async () => {
  const gate = Promise.withResolvers<void>();
  let bytesSeen = 0;
  connection.onOutput(({ bytes }) => {
    bytesSeen += bytes.length;
    return gate.promise;
  });
  const block = encodeFrame(frameTypes.output, Buffer.alloc(60_000), 1);
  let written = 0;
  for (let room = true; room && written < 1000; written++) {
    room = monitor.write(block);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(written).toBeLessThan(1000);
  expect(bytesSeen).toBeLessThanOrEqual(60_000);
  gate.resolve();
  monitor.end(exitedFrame(0, 0n));
  expect((await connection.ended)?.waitStatus).toBe(0);
  expect(bytesSeen % 60_000).toBe(0);
});

test("ended resolves with null when the monitor goes without a word, and when we close", async () => {
  monitor.destroy();
  expect(await connection.ended).toBeNull();
  connection.close();
  await connection.write(Buffer.from("for nobody"));
});

test("close() ends the connection though a handler never returns", async () => {
  connection.onOutput(() => new Promise(() => {}));
  monitor.write(output("x"));
  connection.close();
  expect(await connection.ended).toBeNull();
});

test("a handler that fails closes the connection", async () => {
  connection.onOutput(() => Promise.reject(new Error("no reader")));
  monitor.write(output("x"));
  expect(await connection.ended).toBeNull();
});

test("a monitor that breaks the protocol is left", async () => {
  monitor.write(encodeFrame(99));
  expect(await connection.ended).toBeNull();
});

test("what we send arrives as frames, in order, long input in pieces of 64 KiB", async () => {
  const closed = new Promise<void>((resolve) => monitor.once("close", () => resolve()));
  connection.resize({ rows: 24, columns: 80 });
  connection.claim(true);
  await connection.write(Buffer.alloc(65_537));
  connection.closeStdin();
  await connection.finish();
  await closed;
  expect(received.map(({ type, payload }) => [type, payload.length > 4 ? payload.length : [...payload]])).toEqual([
    [frameTypes.resize, [24, 0, 80, 0]],
    [frameTypes.claim, [1]],
    [frameTypes.stdin, 65_536],
    [frameTypes.stdin, [0]],
    [frameTypes.stdinEof, []],
    [frameTypes.done, []],
  ]);
});

test("gaps are told with their stream and size", async () => {
  const gaps: [string, bigint][] = [];
  connection.onGap((stream, bytes) => void gaps.push([stream, bytes]));
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64LE(5_000_000_000n);
  monitor.write(Buffer.concat([encodeFrame(frameTypes.gap, payload, 2), exitedFrame(0, 0n)]));
  await connection.ended;
  expect(gaps).toEqual([["stderr", 5_000_000_000n]]);
});
