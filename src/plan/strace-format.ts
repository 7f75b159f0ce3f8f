import { AT, CLONE, MOUNT_ATTR, MS, O, RESOLVE } from "./kernel-flags.ts";
import type { OperationArguments, OperationName } from "./operations.ts";
import type { Slot } from "./slot.ts";

/** How one kind of operation is told: its system calls with their arguments, as strace prints them, and the page of the manual. */
export type Explainers<Names extends OperationName> = {
  readonly [Name in Names]: { readonly man: string; readonly calls: (...args: OperationArguments<Name>) => readonly string[] };
};

const MAX_STRING = 160;

/** A C string in quotes; long ones end in `...`, as in strace. */
export function quote(text: string): string {
  const cut = text.length > MAX_STRING;
  return `${JSON.stringify(cut ? text.slice(0, MAX_STRING) : text)}${cut ? "..." : ""}`;
}

export function quoteBytes(bytes: Uint8Array): string {
  return quote(Buffer.from(bytes).toString("utf8"));
}

export function quoteList(list: readonly string[]): string {
  return `[${list.map(quote).join(", ")}]`;
}

export function fd(slot: Slot): string {
  return `fd:${slot.name}`;
}

export function directory(slot: Slot | null): string {
  return slot === null ? "AT_FDCWD" : fd(slot);
}

export function octal(mode: number | bigint): string {
  const digits = mode.toString(8);
  return digits === "0" ? "0" : `0${digits}`;
}

export function hex(value: number | bigint): string {
  return value.toString() === "0" ? "0" : `0x${value.toString(16)}`;
}

/** Set bits by name, the rest in hexadecimal; `zero` for none. */
export function symbolic(value: number | bigint, names: Readonly<Record<string, number>>, zero = "0"): string {
  let rest = BigInt(value);
  const words: string[] = [];
  for (const [name, bits] of Object.entries(names)) {
    const wide = BigInt(bits);
    if ((rest & wide) !== wide) continue;
    words.push(name);
    rest &= ~wide;
  }
  if (rest !== 0n) words.push(hex(rest));
  return words.length === 0 ? zero : words.join("|");
}

export const cloneFlags = (value: number | bigint): string => symbolic(value, CLONE);
export const resolveFlags = (value: number | bigint): string => symbolic(value, RESOLVE);
export const atFlags = (value: number | bigint): string => symbolic(value, AT);
export const mountAttributes = (value: number | bigint): string => symbolic(value, MOUNT_ATTR);
export const propagation = (value: number | bigint): string => symbolic(value, MS);

/** Read-only has no bit of its own. */
export function openFlags(value: number | bigint): string {
  const { O_WRONLY, O_RDWR, O_PATH, O_CREAT, O_EXCL, O_NOFOLLOW, O_CLOEXEC } = O;
  const wide = BigInt(value);
  const access = (wide & BigInt(O_PATH)) !== 0n || (wide & BigInt(O_WRONLY | O_RDWR)) !== 0n ? "" : "O_RDONLY";
  const rest = symbolic(value, { O_WRONLY, O_RDWR, O_PATH, O_CREAT, O_EXCL, O_NOFOLLOW, O_CLOEXEC }, "");
  return [access, rest].filter((word) => word !== "").join("|");
}
