import { invalidOption } from "../../core/invalid-option.ts";

/** ctrl-p, ctrl-q. */
export const defaultDetachKeys: readonly number[] = [0x10, 0x11];

/**
 * The bytes of a key sequence in docker's notation: single letters, or `ctrl-` and a letter or one of `@ [ \ ] ^ _`, separated by commas.
 * The empty text is no sequence: never detach.
 * @throws {EngineError} INVALID_OPTION
 * @see github.com/moby/term ascii.go
 */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(",").map((key) => {
    if (key.length === 1 && key.charCodeAt(0) < 0x80) return key.charCodeAt(0);
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control === undefined)
      throw invalidOption(`invalid detach keys \`${text}\`: \`${key}\` is neither one letter nor ctrl- and a letter`);
    return control.toUpperCase().charCodeAt(0) & 0x1f;
  });
}

/**
 * Looks for a key sequence in typed bytes. Bytes that may begin the sequence are held back until it is clear whether they do; then they
 * are handed on or, with the whole sequence, dropped.
 */
export class DetachScanner {
  readonly #keys: readonly number[];
  /** Always a proper prefix of the sequence. */
  readonly #held: number[] = [];

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What of `bytes` (and of bytes held back before) goes on; `detached` when the sequence is complete: later bytes are dropped. */
  scan(bytes: Uint8Array): { readonly forward: Uint8Array; readonly detached: boolean } {
    if (this.#keys.length === 0) return { forward: bytes, detached: false };
    const forward: number[] = [];
    for (const byte of bytes) {
      this.#held.push(byte);
      while (!this.#heldIsPrefix()) forward.push(this.#held.shift() ?? 0);
      if (this.#held.length === this.#keys.length) return { forward: Uint8Array.from(forward), detached: true };
    }
    return { forward: Uint8Array.from(forward), detached: false };
  }

  #heldIsPrefix(): boolean {
    return this.#held.every((byte, index) => byte === this.#keys[index]);
  }
}
