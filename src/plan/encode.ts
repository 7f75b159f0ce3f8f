import { errnoNumber } from "../core/errno.ts";
import { type LaunchPlan, OPERATIONS, type Operation, type Section } from "./operations.ts";
import type { Slot } from "./slot.ts";

const MAGIC = "WHRYPLAN";
const VERSION = 1;
const HEADER_BYTES = 40;
/** Which operations the plan needs, a bit each. */
const BITMAP_OFFSET = 24;
const RECORD_HEADER_BYTES = 12;
const NO_SLOT = 0xffff;
const IGNORE_ANY = 0xffff;
/** A PLAN frame's limit. */
const MAX_PLAN_BYTES = 4 * 1024 * 1024;
const MAX_SLOTS = 1024;

const SECTION_NUMBERS: Readonly<Record<Section, number>> = { host: 0, parent: 1, child: 2, tail: 3 };

/**
 * The binary form of a plan that the launcher reads (docs/plan-protocol.md, section 3). Pure: equal plans give equal bytes.
 * A plan that no launcher could read (a NUL inside a string, three ignored errors, more than 1,024 slots, 4 MiB) is a bug of its maker and throws RangeError.
 */
export function encodePlan(plan: LaunchPlan): Uint8Array {
  if (plan.slots.length > MAX_SLOTS) throw new RangeError(`a plan has at most ${MAX_SLOTS} slots, not ${plan.slots.length}`);
  const writer = new PlanWriter();
  for (const operation of plan.operations) writeOperation(writer, operation, plan.slots.length);
  return writer.finish(plan);
}

function writeOperation(writer: PlanWriter, operation: Operation, slotCount: number): void {
  const { code, signature } = OPERATIONS[operation.name];
  const args: readonly unknown[] = operation.args;
  if (args.length !== signature.length) throw new RangeError(`${operation.name} takes ${signature.length} arguments, not ${args.length}`);
  const { ignore } = operation;
  if (ignore.length > 2 && ignore !== "any") throw new RangeError(`${operation.name} ignores more than two errors`);
  const first = ignore === "any" ? IGNORE_ANY : ignore[0] === undefined ? 0 : errnoNumber(ignore[0]);
  const second = ignore === "any" || ignore[1] === undefined ? 0 : errnoNumber(ignore[1]);
  const start = writer.beginRecord(code, SECTION_NUMBERS[operation.section], first, second);
  for (let index = 0; index < args.length; index++) writeArgument(writer, signature.charAt(index), args[index], slotCount);
  writer.endRecord(start);
}

function writeArgument(writer: PlanWriter, letter: string, value: unknown, slotCount: number): void {
  switch (letter) {
    case "u":
      return writer.u64(value as number | bigint);
    case "s":
      return writer.string(value as string);
    case "b":
      return writer.bytes(value as Uint8Array);
    case "f":
    case "o":
      return writer.slot(value as Slot, slotCount);
    case "d":
    case "g":
      return value === null ? writer.u16(NO_SLOT) : writer.slot(value as Slot, slotCount);
    case "v":
      writer.u32((value as readonly string[]).length);
      for (const string of value as readonly string[]) writer.string(string);
      return;
    case "F":
    case "O":
      writer.u32((value as readonly Slot[]).length);
      for (const slot of value as readonly Slot[]) writer.slot(slot, slotCount);
      return;
    default:
      throw new RangeError(`unknown signature letter ${letter}`);
  }
}

/** A growing little-endian buffer that starts behind the header. Written for a first run, which no compiler has warmed up: few calls, no BigInt for small numbers. */
class PlanWriter {
  #buffer = Buffer.alloc(32 * 1024);
  #length = HEADER_BYTES;

  /** The offset of `count` bytes that may be written. */
  #reserve(count: number): number {
    const offset = this.#length;
    const needed = offset + count;
    if (needed > this.#buffer.length) this.#grow(needed);
    this.#length = needed;
    return offset;
  }

  #grow(needed: number): void {
    if (needed > MAX_PLAN_BYTES) throw new RangeError(`a plan has at most ${MAX_PLAN_BYTES} bytes`);
    const grown = Buffer.alloc(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }

  /** The non-zero bytes of a number below 2^32, lowest first; most numbers have one, and the buffer is zero. */
  #put(value: number, offset: number): void {
    const buffer = this.#buffer;
    for (let rest = value, at = offset; rest !== 0; rest >>>= 8) buffer[at++] = rest;
  }

  /** The length, filled in by `endRecord`, stays 0. */
  beginRecord(code: number, section: number, ignoredFirst: number, ignoredSecond: number): number {
    const start = this.#reserve(RECORD_HEADER_BYTES);
    const buffer = this.#buffer;
    const bits = BITMAP_OFFSET + (code >> 3);
    buffer[bits] = (buffer[bits] ?? 0) | (1 << (code & 7));
    buffer[start] = code;
    buffer[start + 2] = section;
    this.#put(ignoredFirst, start + 8);
    this.#put(ignoredSecond, start + 10);
    return start;
  }

  endRecord(start: number): void {
    this.#put(this.#length - start, start + 4);
  }

  u16(value: number): void {
    this.#put(value, this.#reserve(2));
  }

  u32(value: number): void {
    this.#put(value, this.#reserve(4));
  }

  u64(value: number | bigint): void {
    const offset = this.#reserve(8);
    if (typeof value === "number" && value >= 0 && value <= 0xffff_ffff) return this.#put(value, offset);
    const wide = BigInt(value);
    if (wide < 0n || wide > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${wide} is not a 64-bit number`);
    this.#buffer.writeBigUInt64LE(wide, offset);
  }

  slot(slot: Slot, slotCount: number): void {
    if (slot.index >= slotCount) throw new RangeError(`slot ${slot.name} belongs to another plan`);
    this.u16(slot.index);
  }

  string(value: string): void {
    if (value.includes("\0")) throw new RangeError(`a NUL inside the string ${JSON.stringify(value)}`);
    const length = Buffer.byteLength(value);
    const offset = this.#reserve(4 + length + 1);
    this.#put(length, offset);
    this.#buffer.write(value, offset + 4);
  }

  bytes(value: Uint8Array): void {
    const offset = this.#reserve(4 + value.length);
    this.#put(value.length, offset);
    this.#buffer.set(value, offset + 4);
  }

  finish(plan: LaunchPlan): Uint8Array {
    const buffer = this.#buffer;
    buffer.write(MAGIC, 0);
    buffer.writeUInt32LE(VERSION, 8);
    buffer.writeUInt32LE(this.#length, 12);
    buffer.writeUInt32LE(plan.operations.length, 16);
    buffer.writeUInt32LE(plan.slots.length, 20);
    return buffer.subarray(0, this.#length);
  }
}

/** The sizes of a plan's and a record's header, for tests that walk a plan. */
export const PLAN_HEADER_BYTES: number = HEADER_BYTES;
export const PLAN_RECORD_HEADER_BYTES: number = RECORD_HEADER_BYTES;
