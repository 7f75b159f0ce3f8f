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
 * Runs a pull or push with the user's credentials and with progress shown; SIGINT, SIGTERM and SIGHUP cancel it.
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
  const display = view.sink === undefined ? undefined : openDisplay(view.sink, view.direction);
  try {
    return await work({
      credentials: credentialsFrom(context.env),
      ...(display === undefined ? {} : { onProgress: (event) => display.show(event) }),
      signal: cancelled.signal,
    });
  } finally {
    await display?.end();
    for (const signal of signals) process.off(signal, onSignal);
  }
}

function openDisplay(sink: OutputSink, direction: Direction): TransferDisplay {
  if (!isTerminal(sink.fd) || terminalSize(sink.fd) === undefined) return new PlainDisplay(sink, direction);
  return new TerminalDisplay(sink, direction, () => terminalSize(sink.fd) ?? { rows: 24, columns: 80 });
}
