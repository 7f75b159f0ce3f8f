import { describe, expect, test } from "bun:test";
import { MemorySink } from "../../../test/fakes/memory-sink.ts";
import type { Digest } from "../../core/brands.ts";
import { delay } from "../../core/delay.ts";
import type { TransferEvent, TransferState } from "../../engine/engine.ts";
import { TerminalDisplay } from "./terminal-display.ts";
import { barLine, PlainDisplay } from "./transfer-display.ts";

const blob = (digit: string, state: TransferState, currentBytes = 0): TransferEvent & { readonly kind: "blob" } => ({
  kind: "blob",
  digest: `sha256:${digit.repeat(64)}` as Digest,
  state,
  currentBytes,
  totalBytes: 1_000_000,
});
const image: TransferEvent = { kind: "image", tag: "12", repository: "library/debian", name: "debian" };
const done: TransferEvent = { kind: "done", tag: "12", digest: `sha256:${"d".repeat(64)}` as Digest, sizeBytes: 528 };

describe("PlainDisplay", () => {
  test("says each thing once", async () => {
    const sink = new MemorySink();
    const display = new PlainDisplay(sink, "pull");
    const events = [
      image,
      blob("a", "waiting"),
      blob("a", "downloading", 1),
      blob("a", "downloading", 2),
      blob("a", "storing"),
      blob("a", "pulled"),
    ];
    for (const event of [...events, { kind: "retry", message: "it broke", delayMs: 250 } as const, done]) display.show(event);
    await display.end();
    expect(sink.text).toBe(
      [
        "12: Pulling from library/debian",
        "aaaaaaaaaaaa: Pulling fs layer",
        "aaaaaaaaaaaa: Download complete",
        "aaaaaaaaaaaa: Pull complete",
        "it broke; trying again in 0.3 s",
        `Digest: ${done.kind === "done" ? done.digest : ""}`,
        "",
      ].join("\n"),
    );
  });
});

describe("barLine()", () => {
  test.each([
    [100, 0, "aaaaaaaaaaaa: Downloading [>                                                 ]  0B/1MB"],
    [100, 500_000, "aaaaaaaaaaaa: Downloading [=========================>                        ]  500kB/1MB"],
    [100, 1_000_000, "aaaaaaaaaaaa: Downloading [==================================================]  1MB/1MB"],
    [60, 500_000, "aaaaaaaaaaaa: Downloading [=========>         ]  500kB/1MB"],
    [40, 500_000, "aaaaaaaaaaaa: Downloading 500kB/1MB"],
    [10, 500_000, "aaaaaaaaaa"],
  ])("%p columns, %p bytes", (columns, bytes, line) => {
    expect(barLine(blob("a", "downloading", bytes), columns)).toBe(line);
    expect(line.length).toBeLessThanOrEqual(columns);
  });
});

describe("TerminalDisplay", () => {
  /** What a terminal shows in the end: `CSI n A` goes up, `CSI J` clears what is below. */
  function screen(output: string): string {
    const lines: string[] = [""];
    let row = 0;
    for (const [, up, clear, text] of output.matchAll(/\u001b\[(\d+)A|(\u001b\[J)|([^\u001b]+)/g)) {
      if (up !== undefined) row -= Number(up);
      else if (clear !== undefined) lines.splice(row, lines.length, "");
      else {
        for (const [index, part] of (text ?? "").replaceAll("\r", "").split("\n").entries()) {
          if (index > 0) row++;
          lines[row] = part;
        }
      }
      expect(row).toBeGreaterThanOrEqual(0);
    }
    return lines.join("\n");
  }

  test("draws what is on its way beneath what has ended", async () => {
    const sink = new MemorySink();
    const display = new TerminalDisplay(sink, "pull", { rows: 24, columns: 60 });
    for (const event of [image, blob("a", "waiting"), blob("b", "waiting"), blob("b", "downloading", 500_000)]) display.show(event);
    await delay(150);
    expect(screen(sink.text)).toBe(
      ["12: Pulling from library/debian", "bbbbbbbbbbbb: Downloading [=========>        ]  500kB/1MB", "aaaaaaaaaaaa: Waiting", ""].join(
        "\n",
      ),
    );
    display.show(blob("b", "pulled"));
    display.show(blob("a", "exists"));
    display.show(done);
    await display.end();
    expect(screen(sink.text)).toBe(
      [
        "12: Pulling from library/debian",
        "bbbbbbbbbbbb: Pull complete",
        "aaaaaaaaaaaa: Already exists",
        `Digest: sha256:${"d".repeat(64)}`,
        "",
      ].join("\n"),
    );
  });

  test("never draws more lines than the terminal has", async () => {
    const sink = new MemorySink();
    const display = new TerminalDisplay(sink, "push", { rows: 5, columns: 40 });
    for (const digit of "0123456789") display.show(blob(digit, "waiting"));
    await delay(150);
    expect(screen(sink.text).split("\n")).toHaveLength(4);
    await display.end();
    expect(screen(sink.text)).toBe("");
  });
});
