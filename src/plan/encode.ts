import { errnoNumber } from "../core/errno.ts";
import { type LaunchPlan, OPERATIONS, type Operation, type Section } from "./operations.ts";
import type { Slot } from "./slot.ts";

const MAGIC = "WHRYPLAN";
const VERSION = 1;
const HEADER_BYTES = 40;
/** Which operations the plan needs, a bit each. */
const BITMAP_OFFSET = 24;
const RECORD_HEADER_BYTES = 12;
const NUMBER_BYTES = 8;
/** Of any operation. */
const MOST_ARGUMENTS = 16;
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
  const writer = new PlanWriter(plan.slots.length);
  for (const operation of plan.operations) writer.operation(operation);
  return writer.finish(plan);
}

/**
 * A growing little-endian buffer that starts behind the header. A start encodes one plan, interpreted, and there a call costs more than what
 * is done in it: hence the one loop over the arguments, and hence no BigInt for small numbers.
 */
class PlanWriter {
  readonly #slotCount: number;
  #buffer = Buffer.alloc(32 * 1024);
  #length = HEADER_BYTES;

  constructor(slotCount: number) {
    this.#slotCount = slotCount;
  }

  operation(operation: Operation): void {
    const { code, signature } = OPERATIONS[operation.name];
    const args: readonly unknown[] = operation.args;
    if (args.length !== signature.length) throw new RangeError(`${operation.name} takes ${signature.length} arguments, not ${args.length}`);
    const start = this.#length;
    this.#reserve(start, RECORD_HEADER_BYTES + args.length * NUMBER_BYTES);
    const buffer = this.#buffer;
    const bits = BITMAP_OFFSET + (code >> 3);
    buffer[bits] = (buffer[bits] ?? 0) | (1 << (code & 7));
    buffer[start] = code;
    buffer[start + 2] = SECTION_NUMBERS[operation.section];
    if (operation.ignore.length > 0) this.#ignore(operation, start + 8);
    const end = this.#arguments(signature, args, start + RECORD_HEADER_BYTES);
    this.#put(end - start, start + 4);
    this.#length = end;
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

  #ignore({ name, ignore }: Operation, at: number): void {
    if (ignore.length > 2 && ignore !== "any") throw new RangeError(`${name} ignores more than two errors`);
    const [first, second] = ignore === "any" ? [IGNORE_ANY, 0] : ignore.map(errnoNumber);
    this.#put(first ?? 0, at);
    this.#put(second ?? 0, at + 2);
  }

  /** The offset behind them. There is room for all the numbers among them. */
  #arguments(signature: string, args: readonly unknown[], start: number): number {
    let at = start;
    for (let index = 0; index < args.length; index++) {
      const value = args[index];
      switch (signature[index]) {
        case "u":
          if (typeof value === "number" && value >= 0 && value <= 0xffff_ffff) this.#put(value, at);
          else this.#wide(value as number | bigint, at);
          at += NUMBER_BYTES;
          break;
        case "s":
          at = this.#string(value as string, at);
          break;
        case "b":
          at = this.#bytes(value as Uint8Array, at);
          break;
        case "f":
        case "o":
        case "d":
        case "g":
          this.#put(value === null ? NO_SLOT : this.#slot(value as Slot), at);
          at += 2;
          break;
        case "v":
          at = this.#count(value as readonly string[], at);
          for (const string of value as readonly string[]) at = this.#string(string, at);
          break;
        case "F":
        case "O":
          at = this.#count(value as readonly Slot[], at);
          for (const slot of value as readonly Slot[]) {
            this.#put(this.#slot(slot), at);
            at += 2;
          }
          break;
        default:
          throw new RangeError(`unknown signature letter ${signature[index]}`);
      }
    }
    return at;
  }

  /** The non-zero bytes of a number below 2^32, lowest first; most numbers have one, and the buffer is zero. */
  #put(value: number, offset: number): void {
    const buffer = this.#buffer;
    for (let rest = value, at = offset; rest !== 0; rest >>>= 8) buffer[at++] = rest;
  }

  #wide(value: number | bigint, at: number): void {
    const wide = BigInt(value);
    if (wide < 0n || wide > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${wide} is not a 64-bit number`);
    this.#buffer.writeBigUInt64LE(wide, at);
  }

  #slot(slot: Slot): number {
    if (slot.index >= this.#slotCount) throw new RangeError(`slot ${slot.name} belongs to another plan`);
    return slot.index;
  }

  #string(value: string, at: number): number {
    if (value.includes("\0")) throw new RangeError(`a NUL inside the string ${JSON.stringify(value)}`);
    // A UTF-16 unit becomes three bytes at the most.
    this.#reserve(at, 4 + value.length * 3 + 1);
    const length = this.#buffer.write(value, at + 4);
    this.#put(length, at);
    return at + 4 + length + 1;
  }

  #bytes(value: Uint8Array, at: number): number {
    this.#reserve(at, 4 + value.length);
    this.#put(value.length, at);
    this.#buffer.set(value, at + 4);
    return at + 4 + value.length;
  }

  #count(list: { readonly length: number }, at: number): number {
    this.#reserve(at, 4 + list.length * 2);
    this.#put(list.length, at);
    return at + 4;
  }

  /** Room for `count` bytes at the offset, and behind them for the numbers that may follow in the same operation. */
  #reserve(at: number, count: number): void {
    const needed = at + count + MOST_ARGUMENTS * NUMBER_BYTES;
    if (needed <= this.#buffer.length) return;
    if (needed > MAX_PLAN_BYTES) throw new RangeError(`a plan has at most ${MAX_PLAN_BYTES} bytes`);
    const grown = Buffer.alloc(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }
}

/** The sizes of a plan's and a record's header, for tests that walk a plan. */
export const PLAN_HEADER_BYTES: number = HEADER_BYTES;
export const PLAN_RECORD_HEADER_BYTES: number = RECORD_HEADER_BYTES;
