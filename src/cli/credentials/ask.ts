import { EngineError } from "../../core/engine-error.ts";
import type { CliContext } from "../cli-context.ts";
import { readChunks } from "../terminal/stdin-reader.ts";
import { RawMode } from "../terminal/terminal.ts";

const limitBytes = 64 * 1024;

/** All of standard input, without the newline at its end. @throws {EngineError} INVALID_OPTION when there is none */
export async function readSecret(context: CliContext): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readChunks(context.stdinFd)) {
    size += chunk.length;
    if (size > limitBytes) break;
    chunks.push(Uint8Array.from(chunk));
  }
  const secret = Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  if (secret === "") throw new EngineError({ kind: "invalidArgument", code: "INVALID_OPTION", message: "password is empty" });
  return secret;
}

/**
 * One line from the terminal; with `hidden`, what is typed does not show. Ctrl-C and Ctrl-D at the beginning end it. @throws
 * {EngineError} INVALID_OPTION
 */
export async function askLine(context: CliContext, question: string, hidden: boolean): Promise<string> {
  // Before the question: what is typed at once must not show either.
  using _raw = new RawMode(context.stdinFd);
  await context.stderr.write(question);
  let line = "";
  for await (const chunk of readChunks(context.stdinFd)) {
    for (const character of Buffer.from(chunk).toString("utf8")) {
      if (character === "\r" || character === "\n") {
        await context.stderr.write("\r\n");
        return line;
      }
      if (character === "\u0003" || (character === "\u0004" && line === "")) {
        await context.stderr.write("\r\n");
        throw new EngineError({ kind: "cancelled", code: "INVALID_OPTION", message: "login cancelled" });
      }
      const isErase = character === "\u007f" || character === "\b";
      line = isErase ? [...line].slice(0, -1).join("") : line + character;
      if (!hidden) await context.stderr.write(isErase ? "\b \b" : character);
    }
  }
  return line;
}
