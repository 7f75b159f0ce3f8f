import { errnoNumber } from "../core/errno.ts";
import { type LaunchPlan, OPERATIONS, type Operation, type Section } from "./operations.ts";
import type { Slot } from "./slot.ts";

const MAGIC = "WHRYPLAN";
const VERSION = 1;
const HEADER_BYTES = 40;
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
  const [first, second, ...more] = operation.ignore === "any" ? [IGNORE_ANY] : operation.ignore.map(errnoNumber);
  if (more.length > 0) throw new RangeError(`${operation.name} ignores more than two errors`);
  const start = writer.length;
  writer.u16(code);
  writer.u8(SECTION_NUMBERS[operation.section]);
  writer.u8(0);
  writer.u32(0);
  writer.u16(first ?? 0);
  writer.u16(second ?? 0);
  const args: readonly unknown[] = operation.args;
  if (args.length !== signature.length) throw new RangeError(`${operation.name} takes ${signature.length} arguments, not ${args.length}`);
  for (let index = 0; index < signature.length; index++) writeArgument(writer, signature.charAt(index), args[index], slotCount);
  writer.patchU32(start + 4, writer.length - start);
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
    case "v": {
      const strings = value as readonly string[];
      writer.u32(strings.length);
      for (const string of strings) writer.string(string);
      return;
    }
    case "F":
    case "O": {
      const slots = value as readonly Slot[];
      writer.u32(slots.length);
      for (const slot of slots) writer.slot(slot, slotCount);
      return;
    }
    default:
      throw new RangeError(`unknown signature letter ${letter}`);
  }
}

/** A growing little-endian buffer that starts behind the header. */
class PlanWriter {
  #buffer = new Uint8Array(16 * 1024);
  #view = new DataView(this.#buffer.buffer);
  #length = HEADER_BYTES;
  readonly #encoder = new TextEncoder();

  get length(): number {
    return this.#length;
  }

  #reserve(count: number): number {
    const offset = this.#length;
    const needed = offset + count;
    if (needed > MAX_PLAN_BYTES) throw new RangeError(`a plan has at most ${MAX_PLAN_BYTES} bytes`);
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer);
      this.#buffer = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = needed;
    return offset;
  }

  u8(value: number): void {
    this.#view.setUint8(this.#reserve(1), value);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#reserve(2), value, true);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#reserve(4), value, true);
  }

  patchU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  u64(value: number | bigint): void {
    const wide = BigInt(value);
    if (wide < 0n || wide > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${wide} is not a 64-bit number`);
    this.#view.setBigUint64(this.#reserve(8), wide, true);
  }

  slot(slot: Slot, slotCount: number): void {
    if (slot.index >= slotCount) throw new RangeError(`slot ${slot.name} belongs to another plan`);
    this.u16(slot.index);
  }

  string(value: string): void {
    if (value.includes("\0")) throw new RangeError(`a NUL inside the string ${JSON.stringify(value)}`);
    const encoded = this.#encoder.encode(value);
    this.bytes(encoded);
    this.u8(0);
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length);
    const offset = this.#reserve(value.length);
    this.#buffer.set(value, offset);
  }

  finish(plan: LaunchPlan): Uint8Array {
    this.#buffer.set(this.#encoder.encode(MAGIC), 0);
    this.patchU32(8, VERSION);
    this.patchU32(12, this.#length);
    this.patchU32(16, plan.operations.length);
    this.patchU32(20, plan.slots.length);
    for (const operation of plan.operations) {
      const { code } = OPERATIONS[operation.name];
      const at = 24 + (code >> 3);
      this.#view.setUint8(at, this.#view.getUint8(at) | (1 << (code & 7)));
    }
    return this.#buffer.slice(0, this.#length);
  }
}

/** The size of a record without arguments, for tests that walk a plan. */
export const PLAN_RECORD_HEADER_BYTES = RECORD_HEADER_BYTES;
export const PLAN_HEADER_BYTES = HEADER_BYTES;
