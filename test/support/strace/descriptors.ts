/** A process's descriptors: those that hold the plan's slots, and what the others were opened on. */
export class Descriptors {
  /** By the slot's name; null after a failure that the plan ignores. */
  readonly #slots: Map<string, number | null>;
  /** By number: the place that was opened. */
  readonly #places: Map<number, string>;

  constructor(from?: Descriptors) {
    this.#slots = new Map(from === undefined ? [] : from.#slots);
    this.#places = new Map(from === undefined ? [] : from.#places);
  }

  fill(slot: string, descriptor: number | null): void {
    this.#slots.set(slot, descriptor);
  }

  /** A plan never uses a slot again that it has closed. */
  close(descriptor: number): void {
    for (const [name, number] of this.#slots) if (number === descriptor) this.#slots.delete(name);
    this.#places.delete(descriptor);
  }

  opened(descriptor: number, place: string): void {
    this.#places.set(descriptor, place);
  }

  holdsSlot(descriptor: number): boolean {
    return [...this.#slots.values()].includes(descriptor);
  }

  isEmpty(slot: string): boolean {
    return this.#slots.get(slot) === null;
  }

  /** `#7` for the slot in descriptor 7, on either side (`fd:NAME` or `7`); for another descriptor the place it was opened on. */
  name(text: string): string {
    if (text.startsWith("fd:")) {
      const number = this.#slots.get(text.slice("fd:".length));
      return number === undefined || number === null ? `unfilled ${text}` : `#${number}`;
    }
    const number = Number(text);
    return this.holdsSlot(number) ? `#${number}` : (this.#places.get(number) ?? `descriptor ${text}`);
  }

  /** A path beneath a directory, in one spelling: `/a/b` of the process's own root, `#7/a/b` beneath a slot. */
  place(directory: string, path: string): string {
    const base = directory === "AT_FDCWD" ? "" : directory.startsWith("<") ? directory.slice(1, -1) : this.name(directory);
    return [base, ...path.split("/").filter((part) => part !== "" && part !== ".")].join("/");
  }
}
