/** `struct bpf_cgroup_dev_ctx` taken apart. */
export interface DeviceAccess {
  readonly type: "block" | "char";
  readonly major: number;
  readonly minor: number;
  /** Of 1 mknod, 2 read, 4 write. */
  readonly access: number;
}

/**
 * Runs a device program and returns r0; for tests only. Knows the instructions that `compileDeviceProgram` writes, and refuses what the
 * kernel's verifier would: unknown instructions, jumps backwards or beyond the end, reads outside of the context.
 * @throws {RangeError}
 */
export function interpretDeviceProgram(program: Uint8Array, device: DeviceAccess): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const context = [(device.access << 16) | (device.type === "block" ? 1 : 2), device.major, device.minor];
  const registers = new BigInt64Array(11);
  for (let at = 0; at * 8 < program.length; at++) {
    const code = view.getUint8(at * 8);
    const to = view.getUint8(at * 8 + 1) & 15;
    const from = view.getUint8(at * 8 + 1) >> 4;
    const offset = view.getInt16(at * 8 + 2, true);
    // Sign-extended to 64 bits, as for BPF_ALU64 and BPF_JMP.
    const value = BigInt(view.getInt32(at * 8 + 4, true));
    const current = registers[to] ?? 0n;
    switch (code) {
      case 0x61: {
        const word = context[offset / 4];
        if (from !== 1 || word === undefined) throw new RangeError(`read outside of the context at ${at}`);
        registers[to] = BigInt(word >>> 0);
        break;
      }
      case 0xbf:
        registers[to] = registers[from] ?? 0n;
        break;
      case 0xb7:
        registers[to] = value;
        break;
      case 0x57:
        registers[to] = current & value;
        break;
      case 0x77:
        registers[to] = BigInt.asUintN(64, current) >> value;
        break;
      case 0x55:
      case 0x15:
        if (offset < 0) throw new RangeError(`jump backwards at ${at}`);
        if ((current === value) === (code === 0x15)) at += offset;
        break;
      case 0x95:
        return Number(registers[0]);
      default:
        throw new RangeError(`unknown instruction ${code} at ${at}`);
    }
  }
  throw new RangeError("ran off the end");
}
