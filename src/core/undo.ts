/**
 * Undo steps, run last first unless `commit` was called: `await using undo = new Undo()`.
 * A failing step does not keep the others from running; its error is dropped, since the first error is what the caller must see.
 */
export class Undo implements AsyncDisposable {
  #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  commit(): void {
    this.#steps = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch {
        // see above
      }
    }
  }
}
