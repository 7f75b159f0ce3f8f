import { parseSyscallTable, type SyscallTable } from "./syscall-table.ts";
import { syscallsAarch64 } from "./syscalls-aarch64.ts";
import { syscallsI386 } from "./syscalls-i386.ts";
import { syscallsX32 } from "./syscalls-x32.ts";
import { syscallsX8664 } from "./syscalls-x86-64.ts";

/** A system call ABI that a filter can tell apart. */
export interface SeccompArchitecture {
  /** Its name in a profile. */
  readonly name: string;
  /** linux/audit.h AUDIT_ARCH_*, what `seccomp_data.arch` holds. */
  readonly audit: number;
  /** Arguments have 64 bits. */
  readonly wide: boolean;
  /** Added to every number: x32 shares x86-64's `audit` value and is told by this bit (asm/unistd.h __X32_SYSCALL_BIT). */
  readonly numberBit: number;
  readonly syscalls: () => SyscallTable;
}

export const X32_SYSCALL_BIT = 0x40000000;

const x86_64: SeccompArchitecture = {
  name: "SCMP_ARCH_X86_64",
  audit: 0xc000003e,
  wide: true,
  numberBit: 0,
  syscalls: () => parseSyscallTable(syscallsX8664),
};

const x32: SeccompArchitecture = {
  name: "SCMP_ARCH_X32",
  audit: 0xc000003e,
  // Registers are 64 bits wide for x32 programs too, and the kernel sees them whole.
  wide: true,
  numberBit: X32_SYSCALL_BIT,
  syscalls: () => parseSyscallTable(syscallsX32),
};

const i386: SeccompArchitecture = {
  name: "SCMP_ARCH_X86",
  audit: 0x40000003,
  wide: false,
  numberBit: 0,
  syscalls: () => parseSyscallTable(syscallsI386),
};

const aarch64: SeccompArchitecture = {
  name: "SCMP_ARCH_AARCH64",
  audit: 0xc00000b7,
  wide: true,
  numberBit: 0,
  syscalls: () => parseSyscallTable(syscallsAarch64),
};

/** The native ABI first, then the others that this kernel architecture may run and that Wherry has a table for (not 32-bit Arm yet). */
export const seccompArchitectures: Readonly<Record<"x86_64" | "aarch64", readonly [SeccompArchitecture, ...SeccompArchitecture[]]>> = {
  x86_64: [x86_64, x32, i386],
  aarch64: [aarch64],
};
