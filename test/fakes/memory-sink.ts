import type { OutputSink } from "../../src/cli/output/output-sink.ts";

/** Output kept in memory. `fd` is no open descriptor, so that no terminal is found behind it. */
export class MemorySink implements OutputSink {
  readonly fd = -1;
  readonly readerLeft = false;
  readonly #chunks: Buffer[] = [];

  write(data: string | Uint8Array): void {
    this.#chunks.push(Buffer.from(data));
  }

  async drain(): Promise<void> {}

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}
