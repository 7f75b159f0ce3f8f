import { describe, expect, test } from "bun:test";
import { untilAborted } from "./until-aborted.ts";

async function* numbers(onEnd: () => void = () => undefined): AsyncGenerator<Uint8Array> {
  try {
    for (let n = 0; n < 3; n++) yield new Uint8Array([n]);
  } finally {
    onEnd();
  }
}

describe("untilAborted()", () => {
  test("gives all that comes, with a signal and without", async () => {
    for (const signal of [undefined, new AbortController().signal]) {
      expect(Buffer.concat(await Array.fromAsync(untilAborted(numbers(), signal)))).toEqual(Buffer.from([0, 1, 2]));
    }
  });

  test("ends the source when its reader has had enough", async () => {
    let ended = false;
    for await (const _ of untilAborted(
      numbers(() => (ended = true)),
      new AbortController().signal,
    ))
      break;
    expect(ended).toBe(true);
  });

  test("ends at once with the signal's reason while nothing comes", async () => {
    const silent: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) };
    const cancelled = new AbortController();
    const reading = Array.fromAsync(untilAborted(silent, cancelled.signal));
    cancelled.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    await expect(Array.fromAsync(untilAborted(silent, cancelled.signal))).rejects.toThrow("enough");
  });

  test("passes the source's failure on", async () => {
    const failing: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("broken")) }) };
    await expect(Array.fromAsync(untilAborted(failing, new AbortController().signal))).rejects.toThrow("broken");
  });
});
