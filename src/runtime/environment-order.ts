import type { OciConfig } from "../plan/oci-config.ts";

/** The same environment in the order that it has in a configuration, and in the one that a remembered plan has: equally many bytes. */
export interface EnvironmentOrder {
  readonly given: Buffer;
  readonly kept: Buffer;
}

/**
 * An environment sorted by name; as it is where a name is there twice, of which programs take one or the other. podman writes a
 * container's own in another order each time.
 */
export function settledEnvironment(env: readonly string[]): readonly string[] {
  const names = new Set(env.map(nameOf));
  return names.size < env.length ? env : [...env].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** How plans that differ in the order of the environment alone are told into each other; undefined where there is nothing to tell. */
export function environmentOrder(config: OciConfig): EnvironmentOrder | undefined {
  const env = config.process?.env ?? [];
  const settled = settledEnvironment(env);
  if (settled.every((entry, index) => entry === env[index])) return undefined;
  return { given: encoded(env), kept: encoded(settled) };
}

/** The configuration as one whose environment is in another order has it, too. */
export function withSettledEnvironment(config: OciConfig): OciConfig {
  const env = config.process?.env;
  return config.process === undefined || env === undefined
    ? config
    : { ...config, process: { ...config.process, env: settledEnvironment(env) } };
}

function nameOf(entry: string): string {
  const equals = entry.indexOf("=");
  return equals < 0 ? entry : entry.slice(0, equals);
}

/** A list of strings as plans have it. @see docs/plan-protocol.md, section 3 */
function encoded(list: readonly string[]): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const strings = list.map((text) => Buffer.from(`${text}\0`));
  return Buffer.concat([number(list.length), ...strings.flatMap((bytes) => [number(bytes.length - 1), bytes])]);
}
