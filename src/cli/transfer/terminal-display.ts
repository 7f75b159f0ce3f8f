import type { TransferEvent } from "../../engine/engine.ts";
import type { OutputSink } from "../output/output-sink.ts";
import type { TerminalSize } from "../terminal/terminal.ts";
import { barLine, type Direction, finalWords, headLine, isFinal, nameOf, type TransferDisplay } from "./transfer-display.ts";

const redrawMs = 80;

/**
 * Bars on a terminal: what has ended scrolls up as lines of text, what is on its way is drawn beneath, over and over. Never more lines
 * than the terminal has, so that none is out of the cursor's reach.
 */
export class TerminalDisplay implements TransferDisplay {
  readonly #sink: OutputSink;
  readonly #direction: Direction;
  #size: TerminalSize;
  readonly #active = new Map<string, TransferEvent & { readonly kind: "blob" }>();
  #above = "";
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(sink: OutputSink, direction: Direction, size: TerminalSize) {
    this.#sink = sink;
    this.#direction = direction;
    this.#size = size;
  }

  show(event: TransferEvent): void {
    if (event.kind !== "blob") this.#above += headLine(event, this.#direction);
    else if (isFinal(event.state)) {
      this.#active.delete(event.digest);
      this.#above += `${nameOf(event)}: ${finalWords(event, this.#direction)}\n`;
    } else this.#active.set(event.digest, event);
    this.#timer ??= setTimeout(() => this.#draw(), redrawMs);
  }

  resize(size: TerminalSize): void {
    this.#size = size;
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#active.clear();
    this.#draw();
    await this.#sink.drain();
  }

  #draw(): void {
    this.#timer = undefined;
    const { rows, columns } = this.#size;
    // Those at work first: the others wait.
    const events = [...this.#active.values()].sort((a, b) => Number(a.state === "waiting") - Number(b.state === "waiting"));
    const lines = events.slice(0, Math.max(rows - 2, 1)).map((event) => barLine(event, columns - 1));
    const back = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A\r\u001b[J`;
    void this.#sink.write(`${back}${this.#above}${lines.map((line) => `${line}\n`).join("")}`);
    this.#above = "";
    this.#drawn = lines.length;
  }
}
