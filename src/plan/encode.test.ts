import { expect, test } from "bun:test";
import fc from "fast-check";
import { errnoNumber } from "../core/errno.ts";
import { encodePlan, PLAN_HEADER_BYTES, PLAN_RECORD_HEADER_BYTES } from "./encode.ts";
import { type LaunchPlan, OPERATIONS, type Operation, type OperationName, type Section } from "./operations.ts";
import type { Slot } from "./slot.ts";

const slots: readonly Slot[] = Array.from({ length: 8 }, (_, index) => ({ index, name: `s${index}` }));
const slot = fc.constantFrom(...slots);
const word = fc.string().filter((text) => !text.includes("\0"));

function argument(letter: string): fc.Arbitrary<unknown> {
  switch (letter) {
    case "u":
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case "s":
      return word;
    case "b":
      return fc.uint8Array({ maxLength: 300 });
    case "v":
      return fc.array(word, { maxLength: 6 });
    case "f":
    case "o":
      return slot;
    case "d":
    case "g":
      return fc.option(slot, { nil: null });
    default:
      return fc.array(slot, { maxLength: 6 });
  }
}

const SECTIONS: Readonly<Record<string, Section>> = { H: "host", P: "parent", C: "child", T: "tail" };

const operation: fc.Arbitrary<Operation> = fc.constantFrom(...(Object.keys(OPERATIONS) as OperationName[])).chain((name) => {
  const { signature, sections } = OPERATIONS[name];
  return fc.record({
    name: fc.constant(name),
    section: fc.constantFrom(...sections.split("")).map((letter) => SECTIONS[letter]),
    args: fc.tuple(...Array.from(signature).map(argument)),
    ignore: fc.constantFrom([], ["ENOENT"], ["EPERM", "EINVAL"], "any"),
    why: fc.constant("because"),
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<Operation>;
});

/** Reads a plan as docs/plan-protocol.md, section 3, describes it, independently of the encoder. */
function decode(bytes: Uint8Array): {
  count: number;
  slots: number;
  codes: Set<number>;
  records: { code: number; section: number; ignored: number[]; args: unknown[] }[];
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect(Buffer.from(bytes.subarray(0, 8)).toString()).toBe("WHRYPLAN");
  expect(view.getUint32(8, true)).toBe(1);
  expect(view.getUint32(12, true)).toBe(bytes.length);
  const codes = new Set<number>();
  for (let bit = 0; bit < 128; bit++) if (((bytes[24 + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) codes.add(bit);
  const signatures = new Map(Object.values(OPERATIONS).map(({ code, signature }) => [code as number, signature as string]));
  const records = [];
  let at = PLAN_HEADER_BYTES;
  while (at < bytes.length) {
    const start = at;
    const code = view.getUint16(at, true);
    const end = start + view.getUint32(at + 4, true);
    const ignored = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    at += PLAN_RECORD_HEADER_BYTES;
    const u16 = (): number => view.getUint16((at += 2) - 2, true);
    const u32 = (): number => view.getUint32((at += 4) - 4, true);
    const raw = (): Uint8Array => {
      const length = u32();
      return bytes.slice(at, (at += length));
    };
    const string = (): string => {
      const text = Buffer.from(raw()).toString("utf8");
      expect(bytes[at++]).toBe(0);
      return text;
    };
    const list = <T>(one: () => T): T[] => Array.from({ length: u32() }, one);
    const args = Array.from(signatures.get(code) ?? "").map((letter) => {
      if (letter === "u") return view.getBigUint64((at += 8) - 8, true);
      if (letter === "s") return string();
      if (letter === "b") return raw();
      if (letter === "v") return list(string);
      return letter === "F" || letter === "O" ? list(u16) : u16();
    });
    expect(at).toBe(end);
    records.push({ code, section: bytes[start + 2] ?? -1, ignored, args });
  }
  return { count: view.getUint32(16, true), slots: view.getUint32(20, true), codes, records };
}

/** What an argument must read as: slots by number, numbers as 64 bits, text as well-formed UTF-8. */
function expected(value: unknown): unknown {
  if (value === null) return 0xffff;
  if (typeof value === "string") return Buffer.from(value, "utf8").toString("utf8");
  if (typeof value === "object" && "index" in value) return value.index;
  return Array.isArray(value) ? value.map(expected) : value;
}

test("encodePlan() writes what a reader of the protocol gets back, operation by operation", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
      const plan: LaunchPlan = { operations, slots };
      const decoded = decode(encodePlan(plan));
      expect(decoded.count).toBe(operations.length);
      expect(decoded.slots).toBe(slots.length);
      expect(decoded.codes).toEqual(new Set(operations.map(({ name }) => OPERATIONS[name].code)));
      operations.forEach((given, index) => {
        const record = decoded.records[index];
        expect(record?.code).toBe(OPERATIONS[given.name].code);
        expect(record?.section).toBe(["host", "parent", "child", "tail"].indexOf(given.section));
        const errnos = given.ignore === "any" ? [0xffff] : given.ignore.map(errnoNumber);
        expect(record?.ignored).toEqual([errnos[0] ?? 0, errnos[1] ?? 0]);
        expect(record?.args).toEqual(given.args.map(expected));
      });
    }),
  );
});

function planOf(operation: Operation): LaunchPlan {
  return { operations: [operation], slots };
}

test("encodePlan() refuses what no launcher could read", () => {
  const chdir = (path: string, ignore: Operation["ignore"] = []): LaunchPlan =>
    planOf({ name: "CHDIR", section: "host", args: [null, path], ignore, why: "" });
  expect(() => encodePlan(chdir("a\0b"))).toThrow("NUL");
  expect(() => encodePlan(chdir("a", ["EPERM", "EINVAL", "EIO"]))).toThrow("more than two");
  expect(() => encodePlan(planOf({ name: "UMASK", section: "child", args: [-1], ignore: [], why: "" }))).toThrow("64-bit");
  expect(() => encodePlan(planOf({ name: "CTTY", section: "child", args: [{ index: 8, name: "foreign" }], ignore: [], why: "" }))).toThrow(
    "another plan",
  );
});

test("encodePlan() grows beyond its first buffer and stops at 4 MiB", () => {
  const big = (length: number): LaunchPlan =>
    planOf({ name: "WRITE", section: "host", args: [null, "x", new Uint8Array(length)], ignore: [], why: "" });
  expect(encodePlan(big(100_000)).length).toBeGreaterThan(100_000);
  expect(() => encodePlan(big(4 * 1024 * 1024))).toThrow("at most");
});
