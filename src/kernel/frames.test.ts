import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeFrame, type Frame, FrameDecoder, frameTypes, maxPayloadBytes } from "./frames.ts";

/** Frames as they were sent: pieces of output put together again. */
function joined(frames: readonly Frame[]): { type: number; stream: number; payload: string }[] {
  const result: { type: number; stream: number; payload: string }[] = [];
  for (const { type, stream, payload } of frames) {
    const last = result.at(-1);
    const text = Buffer.from(payload).toString("latin1");
    if (type === frameTypes.output && last?.type === type && last.stream === stream) last.payload += text;
    else result.push({ type, stream, payload: text });
  }
  return result;
}

test("encodeFrame() lays header and payload out in little endian", () => {
  expect(encodeFrame(frameTypes.output, Buffer.from("hi"), 2)).toEqual(Buffer.from([2, 0, 0, 0, 19, 2, 0, 0, 0x68, 0x69]));
});

test("encodeFrame() refuses a payload that the protocol does not allow, except for a plan", () => {
  const large = new Uint8Array(maxPayloadBytes + 1);
  expect(() => encodeFrame(frameTypes.stdin, large)).toThrow("payload of 65537 bytes");
  expect(encodeFrame(frameTypes.plan, large).length).toBe(maxPayloadBytes + 9);
});

test("FrameDecoder yields the frames that were encoded, however the bytes are cut", () => {
  const frame = fc.record({
    type: fc.constantFrom(frameTypes.output, frameTypes.gap, frameTypes.exited, frameTypes.tell),
    stream: fc.integer({ min: 0, max: 2 }),
    payload: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 50 })), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(({ type, stream, payload }) => encodeFrame(type, payload, stream)));
      const decoder = new FrameDecoder();
      const frames: Frame[] = [];
      let at = 0;
      for (const cut of cuts) {
        frames.push(...decoder.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      frames.push(...decoder.push(bytes.subarray(at)));
      const visible = sent.filter(({ type, payload }) => type !== frameTypes.output || payload.length > 0);
      expect(joined(frames)).toEqual(joined(visible));
    }),
  );
});

test("FrameDecoder passes output on before its frame is complete, and everything else only whole", () => {
  const decoder = new FrameDecoder();
  expect(
    decoder
      .push(encodeFrame(frameTypes.output, Buffer.from("abcdef"), 1).subarray(0, 10))
      .map((frame) => Buffer.from(frame.payload).toString()),
  ).toEqual(["ab"]);
  const other = new FrameDecoder();
  expect(other.push(encodeFrame(frameTypes.gap, Buffer.alloc(8), 1).subarray(0, 15))).toEqual([]);
});

test("FrameDecoder throws LAUNCHER_PROTOCOL when a payload is too long", () => {
  const header = Buffer.from([1, 0, 1, 0, 19, 1, 0, 0]);
  expect(() => new FrameDecoder().push(header)).toThrow(expect.objectContaining({ code: "LAUNCHER_PROTOCOL" }));
});
