/** `struct seccomp_data`, what a filter sees of a system call. */
export interface SeccompData {
  readonly number: number;
  readonly audit: number;
  readonly args: readonly bigint[];
}

/**
 * Runs a classic BPF program as the kernel would and returns the value of its `ret`; for tests only. Also what the kernel's checker refuses
 * is refused here: unknown instructions, jumps beyond the end.
 * @throws {RangeError}
 */
export function interpretBpf(program: Uint8Array, data: SeccompData): number {
  const input = new DataView(new ArrayBuffer(64));
  input.setUint32(0, data.number >>> 0, true);
  input.setUint32(4, data.audit >>> 0, true);
  data.args.forEach((argument, index) => input.setBigUint64(16 + index * 8, BigInt.asUintN(64, argument), true));
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; at * 8 < program.length; ) {
    const code = view.getUint16(at * 8, true);
    const value = view.getUint32(at * 8 + 4, true);
    const branch = (taken: boolean): number => at + 1 + view.getUint8(at * 8 + (taken ? 2 : 3));
    switch (code) {
      case 0x20:
        if (value % 4 !== 0) throw new RangeError(`unaligned load at ${at}`);
        accumulator = input.getUint32(value, true);
        at += 1;
        break;
      case 0x54:
        accumulator = (accumulator & value) >>> 0;
        at += 1;
        break;
      case 0x05:
        at += 1 + value;
        break;
      case 0x15:
        at = branch(accumulator === value);
        break;
      case 0x25:
        at = branch(accumulator > value);
        break;
      case 0x35:
        at = branch(accumulator >= value);
        break;
      case 0x06:
        return value;
      default:
        throw new RangeError(`unknown instruction ${code} at ${at}`);
    }
  }
  throw new RangeError("ran off the end");
}
