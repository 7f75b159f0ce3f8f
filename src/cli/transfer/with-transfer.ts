import { EngineError } from "../../core/engine-error.ts";
import type { PullOptions } from "../../engine/engine.ts";
import type { CliContext } from "../cli-context.ts";
import { credentialsFrom } from "../credentials/registry-credentials.ts";
import type { OutputSink } from "../output/output-sink.ts";
import { isTerminal, terminalSize } from "../terminal/terminal.ts";
import { TerminalDisplay } from "./terminal-display.ts";
import { type Direction, PlainDisplay, type TransferDisplay } from "./transfer-display.ts";

export interface TransferView {
  readonly direction: Direction;
  /** Where progress is shown; absent: nowhere. */
  readonly sink?: OutputSink;
}

/** Options that pull and push of the engine have in common. */
export type TransferOptions = Pick<PullOptions, "credentials" | "onProgress" | "signal">;

/**
 * Runs a pull, push or load with the user's credentials and with progress shown; SIGINT, SIGTERM and SIGHUP cancel it.
 * @throws whatever `work` throws; {EngineError} TRANSFER_CANCELLED
 */
export async function withTransfer<Result>(
  context: CliContext,
  view: TransferView,
  work: (options: TransferOptions) => Promise<Result>,
): Promise<Result> {
  const cancelled = new AbortController();
  const onSignal = (): void => {
    const message = `${view.direction} cancelled`;
    cancelled.abort(new EngineError({ kind: "cancelled", code: "TRANSFER_CANCELLED", message }));
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const { sink } = view;
  const display = sink === undefined ? undefined : openDisplay(sink, view.direction);
  const onResize = (): void => {
    const size = sink === undefined ? undefined : terminalSize(sink.fd);
    if (size !== undefined) display?.resize?.(size);
  };
  process.on("SIGWINCH", onResize);
  try {
    return await work({
      credentials: credentialsFrom(context.env),
      ...(display === undefined ? {} : { onProgress: (event) => display.show(event) }),
      signal: cancelled.signal,
    });
  } finally {
    await display?.end();
    for (const signal of signals) process.off(signal, onSignal);
    process.off("SIGWINCH", onResize);
  }
}

/** Bars on a terminal, lines elsewhere. */
function openDisplay(sink: OutputSink, direction: Direction): TransferDisplay {
  const size = isTerminal(sink.fd) ? terminalSize(sink.fd) : undefined;
  return size === undefined ? new PlainDisplay(sink, direction) : new TerminalDisplay(sink, direction, size);
}
