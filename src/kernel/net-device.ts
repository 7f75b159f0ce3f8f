import { spawnSync } from "node:child_process";
import { EngineError } from "../core/engine-error.ts";

/** An interface of the host, as it has to be made again elsewhere. */
export interface NetDevice {
  readonly index: number;
  /** Permanent ones of global scope. */
  readonly addresses: readonly { readonly address: readonly number[]; readonly prefix: number }[];
}

/**
 * Reads an interface by iproute2's `ip`; null when there is none of that name.
 * @throws {EngineError} HOST_PROGRAM_MISSING
 */
export function readNetDevice(name: string): NetDevice | null {
  const { error, status, stdout } = spawnSync("ip", ["-j", "address", "show", "dev", name], { encoding: "utf8" });
  if (error !== undefined) {
    throw new EngineError({
      kind: "failedPrecondition",
      code: "HOST_PROGRAM_MISSING",
      message: `read the addresses of the interface \`${name}\`: run \`ip\` (iproute2): ${error.message}`,
    });
  }
  if (status !== 0) return null;
  const [device] = JSON.parse(stdout) as readonly [IpDevice?];
  if (device === undefined) return null;
  const addresses = device.addr_info.filter(({ scope, dynamic }) => scope === "global" && dynamic !== true);
  return {
    index: device.ifindex,
    addresses: addresses.map(({ local, prefixlen }) => ({ address: parseAddress(local), prefix: prefixlen })),
  };
}

interface IpDevice {
  readonly ifindex: number;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string; readonly dynamic?: boolean }[];
}

/** The bytes of an address as `ip` prints it. */
export function parseAddress(text: string): readonly number[] {
  if (!text.includes(":")) return text.split(".").map(Number);
  const [head = "", tail] = text.split("::");
  const words = (part: string): number[] => part.split(":").flatMap((word) => (word === "" ? [] : wordBytes(word)));
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  return [...left, ...Array.from({ length: 16 - left.length - right.length }, () => 0), ...right];
}

/** `fd00` or, at an address's end, `192.0.2.1`. */
function wordBytes(word: string): number[] {
  if (word.includes(".")) return word.split(".").map(Number);
  const value = Number.parseInt(word, 16);
  return [value >> 8, value & 0xff];
}
