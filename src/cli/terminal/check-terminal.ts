import { EngineError } from "../../core/engine-error.ts";

/**
 * Refuses `-it` without a terminal on stdin, before anything is created.
 * @throws {EngineError} CLI_NOT_A_TERMINAL, in docker's words
 */
export async function checkTerminal(wanted: { readonly tty: boolean; readonly stdin: boolean; readonly stdinFd: number }): Promise<void> {
  if (!wanted.tty || !wanted.stdin) return;
  const { isTerminal } = await import("./terminal.ts");
  if (isTerminal(wanted.stdinFd)) return;
  throw new EngineError({
    kind: "invalidArgument",
    code: "CLI_NOT_A_TERMINAL",
    message: "the input device is not a TTY: leave out -t, or run it from a terminal",
  });
}
