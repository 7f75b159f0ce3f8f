import { delay } from "../../core/delay.ts";
import type { Engine, OutputChunk, ProcessStreams } from "../../engine/engine.ts";
import type { ContainerOptions } from "../../spec/container-options.ts";
import type { OutputSink } from "../output/output-sink.ts";

/** What a container said and how it ended. */
export interface Performance {
  readonly output: string;
  readonly exitCode: number;
  readonly milliseconds: number;
}

const label = "wherry.demo";
const lineWidth = 58;

/**
 * The demo's stage: runs containers, prints claims with what was seen, and counts those that do not hold. Every container and image it
 * makes is gone when it is disposed of.
 */
export class Stage implements AsyncDisposable {
  readonly engine: Engine;
  readonly #sink: OutputSink;
  readonly #image: string;
  readonly #images: string[] = [];
  #claims = 0;
  #failures = 0;

  constructor(engine: Engine, sink: OutputSink, image: string) {
    this.engine = engine;
    this.#sink = sink;
    this.#image = image;
  }

  get claims(): number {
    return this.#claims;
  }

  get failures(): number {
    return this.#failures;
  }

  async say(text: string): Promise<void> {
    await this.#sink.write(`${text}\n`);
  }

  async chapter(title: string): Promise<void> {
    await this.say(`\n${title}`);
  }

  /** A statement, what was seen, and whether that bears it out. */
  async claim(statement: string, seen: string, holds: boolean): Promise<void> {
    this.#claims++;
    if (!holds) this.#failures++;
    const gap = statement.length < lineWidth ? statement.padEnd(lineWidth) : `${statement}\n${" ".repeat(4 + lineWidth)}`;
    await this.say(`  ${holds ? "✓" : "✗"} ${gap} ${seen}${holds ? "" : "   ← does not hold"}`);
  }

  /** Something that this host can't show; no claim. */
  async skip(statement: string, reason: string): Promise<void> {
    await this.say(`  – ${statement.padEnd(lineWidth)} ${reason}`);
  }

  /** A container's options with the demo's image and label. */
  options(given: Omit<ContainerOptions, "image"> & { readonly image?: string }): ContainerOptions {
    return { image: this.#image, ...given, labels: { [label]: "1" } };
  }

  /** Runs to the end, in the foreground; the container is removed unless it has a name. */
  async run(script: string, given: Omit<ContainerOptions, "image" | "command"> & { readonly image?: string } = {}): Promise<Performance> {
    const begin = performance.now();
    const options = this.options({ ...given, command: ["sh", "-c", script], autoRemove: given.name === undefined });
    const { streams } = await this.engine.containers.run(options, { attach: { stdin: false, stdout: true, stderr: true } });
    return finish(streams, begin);
  }

  /** Runs again what has ended. */
  async rerun(name: string): Promise<Performance> {
    const begin = performance.now();
    const { streams } = await this.engine.containers.start(name, { attach: { stdin: false, stdout: true, stderr: true } });
    return finish(streams, begin);
  }

  /** Starts in the background; the id. */
  async start(
    script: string,
    given: Omit<ContainerOptions, "image" | "command"> = {},
  ): Promise<{ readonly id: string; readonly pid: number }> {
    return this.engine.containers.run(this.options({ ...given, command: ["sh", "-c", script] }));
  }

  async end(reference: string): Promise<void> {
    await this.engine.containers.remove(reference, { force: true });
  }

  /** An image to take away at the end. */
  borrow(reference: string): void {
    this.#images.push(reference);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const container of await this.engine.containers.list({ all: true, filters: { label: [label] } })) await this.end(container.id);
    for (const image of this.#images) await this.engine.images.remove(image).catch(() => undefined);
  }
}

async function finish(streams: ProcessStreams | undefined, begin: number): Promise<Performance> {
  if (streams === undefined) throw new Error("the container was started without streams");
  const chunks: Uint8Array[] = [];
  streams.onOutput((chunk: OutputChunk) => {
    chunks.push(chunk.bytes);
  });
  const exitCode = (await streams.exited) ?? -1;
  return { output: Buffer.concat(chunks).toString("utf8"), exitCode, milliseconds: performance.now() - begin };
}

/** Lines of `KEY VALUE`. */
export function parseFacts(output: string): ReadonlyMap<string, string> {
  return new Map(
    output
      .split("\n")
      .filter((line) => line.includes(" "))
      .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1).trim()]),
  );
}

/** Asks until the answer is not undefined, at most for the given time. */
export async function eventually<Answer>(ask: () => Promise<Answer | undefined>, timeoutMs: number): Promise<Answer | undefined> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > end) return answer;
    await delay(20);
  }
}
