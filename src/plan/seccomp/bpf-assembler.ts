/** A place in a program that is written backwards: the number of instructions from there to the end. */
export type BpfLabel = number & { readonly bpfLabel: unique symbol };

/** Jump conditions on the accumulator, unsigned (linux/bpf_common.h: BPF_JMP | BPF_K). */
export const bpfJump = { equal: 0x15, greater: 0x25, greaterOrEqual: 0x35 } as const;

const BPF_LD_W_ABS = 0x20;
const BPF_ALU_AND_K = 0x54;
const BPF_JMP_JA = 0x05;
const BPF_RET_K = 0x06;

/** The longest distance that a conditional jump can hold: 8 bits. */
const REACH = 255;

/**
 * Writes a classic BPF program from its end to its beginning. Jumps only go forwards, so every target is already there when a jump to it is
 * written, and its distance is known: no second pass. A conditional jump that can't reach its target goes through an unconditional one,
 * whose distance has 32 bits, written right after it.
 *
 * Each method puts one instruction (and what it needs to reach its targets) in front of what is there, and returns its label.
 */
export class BpfAssembler {
  /** Instructions, the last of the program first. */
  readonly #reversed: { readonly code: number; readonly onTrue: number; readonly onFalse: number; readonly value: number }[] = [];
  /** Where the latest `ret` of a value was written. */
  readonly #returns = new Map<number, BpfLabel>();

  /** Ends the filter with `value`; an instruction in reach that does so already is used again. */
  return(value: number): BpfLabel {
    const known = this.#returns.get(value);
    // One instruction may still come between this label and the jump that uses it.
    if (known !== undefined && this.#here() - known < REACH - 2) return known;
    const label = this.#put({ code: BPF_RET_K, onTrue: 0, onFalse: 0, value });
    this.#returns.set(value, label);
    return label;
  }

  /** Loads 32 bits of `struct seccomp_data` at `offset` into the accumulator, then goes on at `next`. */
  load(offset: number, next: BpfLabel): BpfLabel {
    this.#follow(next);
    return this.#put({ code: BPF_LD_W_ABS, onTrue: 0, onFalse: 0, value: offset });
  }

  /** Masks the accumulator, then goes on at `next`. */
  and(mask: number, next: BpfLabel): BpfLabel {
    this.#follow(next);
    return this.#put({ code: BPF_ALU_AND_K, onTrue: 0, onFalse: 0, value: mask });
  }

  /** Compares the accumulator with `value`. */
  jump(condition: number, value: number, targets: { readonly onTrue: BpfLabel; readonly onFalse: BpfLabel }): BpfLabel {
    const onTrue = this.#reachable(targets.onTrue, 1);
    const onFalse = this.#reachable(targets.onFalse, 0);
    return this.#put({ code: condition, onTrue: this.#distance(onTrue), onFalse: this.#distance(onFalse), value });
  }

  get length(): number {
    return this.#reversed.length;
  }

  /** The program, starting at the label written last, as an array of `struct sock_filter` in little-endian order. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#reversed.length * 8);
    const view = new DataView(bytes.buffer);
    this.#reversed.toReversed().forEach((instruction, index) => {
      view.setUint16(index * 8, instruction.code, true);
      view.setUint8(index * 8 + 2, instruction.onTrue);
      view.setUint8(index * 8 + 3, instruction.onFalse);
      view.setUint32(index * 8 + 4, instruction.value, true);
    });
    return bytes;
  }

  #here(): BpfLabel {
    return this.#reversed.length as BpfLabel;
  }

  /** How many instructions lie between the one that is written next and `target`. */
  #distance(target: BpfLabel): number {
    return this.#reversed.length - target;
  }

  #put(instruction: { readonly code: number; readonly onTrue: number; readonly onFalse: number; readonly value: number }): BpfLabel {
    this.#reversed.push({ ...instruction, value: instruction.value >>> 0 });
    return this.#here();
  }

  /** Makes `next` what follows the instruction that is written next. */
  #follow(next: BpfLabel): void {
    if (next !== this.#here()) this.#put({ code: BPF_JMP_JA, onTrue: 0, onFalse: 0, value: this.#distance(next) });
  }

  /** `target`, or a jump to it, within reach of a conditional jump before which `later` more instructions may still be put. */
  #reachable(target: BpfLabel, later: number): BpfLabel {
    if (this.#distance(target) + later <= REACH) return target;
    return this.#put({ code: BPF_JMP_JA, onTrue: 0, onFalse: 0, value: this.#distance(target) });
  }
}
