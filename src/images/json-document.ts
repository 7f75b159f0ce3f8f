import { EngineError } from "../core/engine-error.ts";

/** A value somewhere in a JSON document from outside, with its place, for messages. */
export class JsonValue {
  readonly value: unknown;
  readonly #document: string;
  readonly #path: string;

  constructor(value: unknown, document: string, path = "") {
    this.value = value;
    this.#document = document;
    this.#path = path;
  }

  /** `null`, which Go's programs write for what is empty, counts as absent. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** @throws {EngineError} IMAGE_INVALID unless an object */
  field(name: string): JsonValue {
    const object = this.#object();
    return this.#inner(Object.hasOwn(object, name) ? object[name] : undefined, this.#path === "" ? name : `${this.#path}.${name}`);
  }

  /** Of an array; none when absent. @throws {EngineError} IMAGE_INVALID */
  items(): JsonValue[] {
    if (this.isAbsent) return [];
    if (!Array.isArray(this.value)) throw this.invalid("is not a list");
    return this.value.map((item: unknown, index) => this.#inner(item, `${this.#path}[${index}]`));
  }

  /** Of an object; none when absent. @throws {EngineError} IMAGE_INVALID */
  entries(): [string, JsonValue][] {
    if (this.isAbsent) return [];
    return Object.entries(this.#object()).map(([name, value]) => [name, this.#inner(value, `${this.#path}[${JSON.stringify(name)}]`)]);
  }

  /** @throws {EngineError} IMAGE_INVALID */
  string(): string {
    if (typeof this.value !== "string") throw this.invalid(this.isAbsent ? "is missing" : "is not a string");
    return this.value;
  }

  /** @throws {EngineError} IMAGE_INVALID */
  optionalString(): string | undefined {
    return this.isAbsent ? undefined : this.string();
  }

  /** Bytes, counts: a whole number from 0. @throws {EngineError} IMAGE_INVALID */
  size(): number {
    if (typeof this.value !== "number" || !Number.isSafeInteger(this.value) || this.value < 0) {
      throw this.invalid(this.isAbsent ? "is missing" : "is not a size");
    }
    return this.value;
  }

  /** IMAGE_INVALID, to be thrown, that names the document and the field. */
  invalid(problem: string): EngineError {
    const field = this.#path === "" ? "it" : `\`${this.#path.slice(0, 200)}\``;
    return invalidImage(this.#document, `${field} ${problem}`);
  }

  /** Another value in this one's place. */
  as(value: unknown): JsonValue {
    return new JsonValue(value, this.#document, this.#path);
  }

  #object(): Readonly<Record<string, unknown>> {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) {
      throw this.invalid(this.isAbsent ? "is missing" : "is not an object");
    }
    return this.value as Readonly<Record<string, unknown>>;
  }

  #inner(value: unknown, path: string): JsonValue {
    return new JsonValue(value, this.#document, path);
  }
}

/**
 * Parses a JSON document of an image. `document`: what it is, for messages ("image manifest").
 * @throws {EngineError} IMAGE_INVALID: too long, not UTF-8, not JSON
 */
export function parseJsonDocument(bytes: Uint8Array, document: string, maxBytes: number): JsonValue {
  if (bytes.length > maxBytes) throw invalidImage(document, `its ${bytes.length} bytes are more than the ${maxBytes} that are taken`);
  try {
    return new JsonValue(JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown, document);
  } catch (cause) {
    throw invalidImage(document, "it is not JSON", cause);
  }
}

function invalidImage(document: string, problem: string, cause?: unknown): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "IMAGE_INVALID", message: `read ${document}: ${problem}`, cause });
}
