import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteSource } from "./byte-source.ts";

async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}
const text = async (source: AsyncIterable<Buffer>): Promise<string> => Buffer.concat(await Array.fromAsync(source)).toString();

describe("ByteSource", () => {
  test("gives the lengths that are asked for, across chunks", async () => {
    const source = new ByteSource(chunks("ab", "", "cdef", "g"));
    expect((await source.take(1)).toString()).toBe("a");
    expect((await source.take(3)).toString()).toBe("bcd");
    expect(await text(source.rest())).toBe("efg");
    expect(await source.take(5)).toHaveLength(0);
  });

  test("gives fewer only at the end", async () => {
    expect((await new ByteSource(chunks("abc")).take(10)).toString()).toBe("abc");
  });

  test("gives back what came, however it is taken", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 5 })), fc.array(fc.nat(7), { minLength: 1 }), async (parts, lengths) => {
        const source = new ByteSource(chunks(...parts));
        const whole = Buffer.concat(parts.map((part) => Buffer.from(part)));
        const taken: Buffer[] = [];
        for (const length of lengths) taken.push(await source.take(length));
        taken.push(Buffer.concat(await Array.fromAsync(source.rest())));
        expect(Buffer.concat(taken)).toEqual(whole);
      }),
    );
  });
});
