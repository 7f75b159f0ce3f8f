import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { buildInfo } from "../core/build-info.ts";
import { randomHex } from "../core/random.ts";
import { clockOffsets } from "../plan/clock-offsets.ts";
import type { OciLinux } from "../plan/oci-config.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import type { EnvironmentOrder } from "./environment-order.ts";

type TimeOffsets = NonNullable<OciLinux["timeOffsets"]>;

/**
 * Encoded plans of earlier starts, by all that they were compiled from. Compiling is a pure function, so that this is its memory: a start
 * that is like an earlier one but for the container's id and the time loads no compiler, which is a fifth of a `run`.
 *
 * A file holds the whole input and is believed only if that is, byte for byte, the present one. It lies in the run directory, which a
 * reboot empties (a file torn by a power cut is never read) and only root may write.
 */
export class PlanCache {
  readonly #directory: HostPath;

  constructor(directory: HostPath) {
    this.#directory = directory;
  }

  /**
   * By the whole input. `ids`: the container's, 64 hexadecimal digits, then other names without a meaning, of at least 32 characters. Null for
   * an input that can't be compared (one with extensions, which are code) or is not worth its memory.
   */
  entry(input: PlanInput, ids: readonly string[]): PlanCacheEntry | null {
    if (input.extensions !== undefined) return null;
    return this.#entry({ input: atNoTime(input) }, () => ids, { offsets: input.config.linux?.timeOffsets, environment: undefined });
  }

  /** By what the input will be made from (containers/start-facts.ts): a start that finds its plan so need not make it. */
  entryOfFacts(
    facts: unknown,
    ids: readonly string[] | IdsOf,
    { offsets, environment }: { readonly offsets?: TimeOffsets | undefined; readonly environment?: EnvironmentOrder | undefined } = {},
  ): PlanCacheEntry | null {
    return this.#entry(
      { facts, offsets: offsets === undefined ? null : offsetsAtNoTime(offsets) },
      typeof ids === "function" ? ids : () => ids,
      {
        offsets,
        environment,
      },
    );
  }

  #entry(source: object, idsOf: IdsOf, { offsets, environment }: Pick<Of, "offsets" | "environment">): PlanCacheEntry | null {
    const bytes: Uint8Array[] = [];
    const text = JSON.stringify({ program: programStamp(), ...source }, (_, value: unknown) => asText(value, bytes));
    // Whoever writes this into a command can have his plan compiled.
    if (text.includes(placeholderMark) || text.includes("monotonic ")) return null;
    const ids = idsOf(text);
    if (ids === null) return null;
    const words = ids.reduce((so, id, index) => so.replaceAll(id, longPlaceholder(index, id)), text);
    const key = Buffer.concat([Buffer.from(words.replaceAll(shortOf(ids), shortPlaceholder)), ...bytes]);
    if (key.length > mostBytes) return null;
    const name = fileName(key);
    return name === null ? null : new PlanCacheEntry({ directory: this.#directory, name, key, offsets, ids, environment });
  }
}

/** The ids in a text, see `entry`; null when what it stands for is not to be remembered. */
type IdsOf = (text: string) => readonly string[] | null;

interface Of {
  readonly directory: HostPath;
  readonly name: string;
  readonly key: Buffer;
  readonly offsets: TimeOffsets | undefined;
  readonly ids: readonly string[];
  readonly environment: EnvironmentOrder | undefined;
}

/** The plan of one input, there or not. */
export class PlanCacheEntry {
  readonly #of: Of;
  #note = "";

  constructor(of: Of) {
    this.#of = of;
  }

  /** What was kept beside the plan, once it has been read or written. */
  get note(): string {
    return this.#note;
  }

  /** The plan for this container and moment; null when it has to be compiled. */
  read(): Uint8Array | null {
    const { directory, name, key } = this.#of;
    const file = readOwnFile(`${directory}/${name}`);
    const start = lengthBytes + key.length;
    if (
      file === null ||
      file.length <= start ||
      file.readUInt32LE(0) !== key.length ||
      file.compare(key, 0, key.length, lengthBytes, start) !== 0
    )
      return null;
    return this.#take(file.subarray(start), file.readUInt32LE(lengthBytes / 2));
  }

  /** Keeps the plan that has been compiled from `atNoTime(input)` and returns it as `read` would. A cache that can't be written is no error; one that is full begins anew. */
  write(template: Uint8Array, note = ""): Uint8Array {
    const { directory, name, key, ids, environment } = this.#of;
    const words = Buffer.from(note);
    const plan = Buffer.concat([words, template]);
    if (environment !== undefined && !replaceOnly(plan, environment.given, environment.kept)) {
      this.#note = note;
      return template;
    }
    for (const [index, id] of ids.entries()) replaceAll(plan, id, longPlaceholder(index, id));
    replaceAll(plan, shortOf(ids), shortPlaceholder);
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32LE(key.length);
    length.writeUInt32LE(words.length, lengthBytes / 2);
    const temporary = `${directory}/${randomHex(8)}.partial`;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      if (readdirSync(directory).length >= mostEntries) rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(temporary, Buffer.concat([length, key, plan]), { mode: 0o600, flag: "wx" });
      renameSync(temporary, `${directory}/${name}`);
    } catch {
      // The next start compiles again.
    }
    return this.#take(plan, words.length);
  }

  #take(noteAndPlan: Buffer, noteLength: number): Uint8Array {
    this.#personalize(noteAndPlan);
    this.#note = noteAndPlan.toString("utf8", 0, noteLength);
    return noteAndPlan.subarray(noteLength);
  }

  #personalize(plan: Buffer): void {
    const { offsets, ids, environment } = this.#of;
    for (const [index, id] of ids.entries()) replaceAll(plan, longPlaceholder(index, id), id);
    replaceAll(plan, shortPlaceholder, shortOf(ids));
    if (environment !== undefined) replaceOnly(plan, environment.kept, environment.given);
    if (offsets === undefined) return;
    const at = plan.indexOf(clockOffsets(offsetsAtNoTime(offsets)));
    if (at >= 0) plan.write(clockOffsets(offsets), at, "latin1");
  }
}

/** Of the key's length and the note's. */
const lengthBytes = 8;
/** Of some 30 kB each. */
const mostEntries = 64;
/** Of an input: run directories mostly lie in memory, and an environment may be of any size. */
const mostBytes = 64 * 1024;
/** Begins each placeholder. No path, name or number looks like it. */
const placeholderMark = "<id of the ";
const shortLength = 12;
/** For the first digits of a container's id where they stand alone: its host name. */
const shortPlaceholder = `${placeholderMark}>`;
const shortOf = ([id = ""]: readonly string[]): string => id.slice(0, shortLength);
const longPlaceholder = (index: number, { length }: string): string => `${placeholderMark}${index}`.padEnd(length, ".");

/** Null for a file that somebody else could have written: what it says is done as root. */
function readOwnFile(path: string): Buffer | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return null;
  }
  try {
    const { uid, mode } = fstatSync(descriptor);
    return uid === process.geteuid?.() && (mode & 0o022) === 0 ? readFileSync(descriptor) : null;
  } finally {
    closeSync(descriptor);
  }
}

/** In place: both have the same length. */
function replaceAll(plan: Buffer, from: string, to: string): void {
  for (let at = plan.indexOf(from); at >= 0; at = plan.indexOf(from, at + from.length)) plan.write(to, at, "latin1");
}

/** What is there once and no more; false where it is not. Both have the same length. */
function replaceOnly(plan: Buffer, from: Buffer, to: Buffer): boolean {
  const at = plan.indexOf(from);
  if (at < 0 || plan.indexOf(from, at + 1) >= 0) return false;
  to.copy(plan, at);
  return true;
}

/** Of another moment, the same for all: what an entry's plan is compiled from. */
export function atNoTime(input: PlanInput): PlanInput {
  const { config } = input;
  const offsets = config.linux?.timeOffsets;
  if (offsets === undefined) return input;
  return { ...input, config: { ...config, linux: { ...config.linux, timeOffsets: offsetsAtNoTime(offsets) } } };
}

/** With each number of seconds in as many sevens: the plan then has the same length. */
function offsetsAtNoTime(offsets: TimeOffsets): TimeOffsets {
  const seconds = (value: number | undefined): number => Number(String(value ?? 0).replace(/\d/g, "7"));
  return Object.fromEntries(Object.entries(offsets).map(([clock, offset]) => [clock, { ...offset, secs: seconds(offset.secs) }]));
}

/** For JSON.stringify: what it has no form for, each in one that nothing else in its place has. Bytes are only announced. */
function asText(value: unknown, bytes: Uint8Array[]): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (!(value instanceof Uint8Array)) return value;
  bytes.push(value);
  return value.length;
}

/** Changes whenever another compiler might. */
function programStamp(): string {
  const { mtimeMs, size } = statSync(process.execPath);
  return `${buildInfo.version} ${buildInfo.commit} ${mtimeMs} ${size}`;
}

/** By the runtime's own hash, native and here: an interpreted one, or loading node:crypto, would cost more than is gained. Null: no runtime of that kind. */
function fileName(key: Uint8Array): string | null {
  const { Bun: runtime } = globalThis as { readonly Bun?: { hash(bytes: Uint8Array): bigint } };
  return runtime === undefined ? null : runtime.hash(key).toString(16);
}
