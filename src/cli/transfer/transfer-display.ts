import { formatDecimalSize } from "../../core/size.ts";
import type { TransferEvent, TransferState } from "../../engine/engine.ts";
import type { OutputSink } from "../output/output-sink.ts";
import type { TerminalSize } from "../terminal/terminal.ts";

/** Shows a pull or push as it goes on. */
export interface TransferDisplay {
  show(event: TransferEvent): void;
  /** The terminal has another size now. */
  resize?(size: TerminalSize): void;
  /** What is still on the way is shown no more; resolves when all has left. */
  end(): Promise<void>;
}

export type Direction = "pull" | "push" | "load";

const words: Readonly<Record<TransferState, string>> = {
  waiting: "Waiting",
  downloading: "Downloading",
  storing: "Extracting",
  pulled: "Pull complete",
  loading: "Loading layer",
  loaded: "Loaded",
  uploading: "Pushing",
  pushed: "Pushed",
  exists: "Already exists",
  mounted: "Mounted",
};

type BlobEvent = TransferEvent & { readonly kind: "blob" };

/** One line for each thing that has happened; for pipes and logs. */
export class PlainDisplay implements TransferDisplay {
  readonly #sink: OutputSink;
  readonly #direction: Direction;
  readonly #seen = new Map<string, TransferState>();

  constructor(sink: OutputSink, direction: Direction) {
    this.#sink = sink;
    this.#direction = direction;
  }

  show(event: TransferEvent): void {
    if (event.kind !== "blob") {
      void this.#sink.write(headLine(event, this.#direction));
      return;
    }
    if (this.#seen.get(event.digest) === event.state) return;
    this.#seen.set(event.digest, event.state);
    const line = plainLine(event, this.#direction);
    if (line !== undefined) void this.#sink.write(`${line}\n`);
  }

  async end(): Promise<void> {
    await this.#sink.drain();
  }
}

/** Docker's lines without a terminal: no bytes counted. */
function plainLine(event: BlobEvent, direction: Direction): string | undefined {
  if (event.state === "waiting") return `${nameOf(event)}: ${direction === "pull" ? "Pulling fs layer" : "Preparing"}`;
  if (event.state === "downloading" || event.state === "uploading" || event.state === "loading") return undefined;
  return event.state === "storing" ? `${nameOf(event)}: Download complete` : `${nameOf(event)}: ${finalWords(event, direction)}`;
}

/** First and last line of an image, or a warning between. */
export function headLine(event: Exclude<TransferEvent, BlobEvent>, direction: Direction): string {
  if (event.kind === "retry") return `${event.message}; trying again in ${(event.delayMs / 1000).toFixed(1)} s\n`;
  if (event.kind === "done") {
    return direction === "pull" ? `Digest: ${event.digest}\n` : `${event.tag}: digest: ${event.digest} size: ${event.sizeBytes}\n`;
  }
  return direction === "pull" ? `${event.tag}: Pulling from ${event.repository}\n` : `The push refers to repository [${event.name}]\n`;
}

export function isFinal(state: TransferState): boolean {
  return state === "pulled" || state === "pushed" || state === "loaded" || state === "exists" || state === "mounted";
}

export function finalWords(event: BlobEvent, direction: Direction): string {
  if (event.state === "mounted") return `Mounted from ${event.from ?? "another repository"}`;
  return event.state === "exists" && direction === "push" ? "Layer already exists" : words[event.state];
}

/** A line of a blob on its way: state, bar, bytes. */
export function barLine(event: BlobEvent, columns: number): string {
  const head = `${nameOf(event)}: ${words[event.state]}`;
  if (event.state === "waiting" || event.totalBytes === 0) return head.slice(0, columns);
  const share = Math.min(event.currentBytes / event.totalBytes, 1);
  const numbers = `${formatDecimalSize(event.currentBytes)}/${formatDecimalSize(event.totalBytes)}`;
  // As docker: 50 cells, fewer on a narrow terminal, none on a very narrow one.
  const room = Math.min(columns - head.length - numbers.length - 7, 50);
  if (room < 8) return `${head} ${numbers}`.slice(0, columns);
  const full = Math.floor(share * room);
  const bar = "=".repeat(full) + (full < room ? ">" : "");
  return `${head} [${bar.padEnd(room)}]  ${numbers}`;
}

export function nameOf(event: BlobEvent): string {
  return event.digest.slice(7, 19);
}
