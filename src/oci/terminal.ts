import { writeSync } from "node:fs";
import type { StartedProcess } from "../runtime/start-process.ts";

/**
 * Joins the caller's terminal to the process's own, until the process has ended: keys go in as they are, output comes out, and the size
 * follows. Without a terminal on standard input its bytes are passed on all the same.
 * @returns undoes what was done to the caller's terminal
 */
export function joinTerminals({ connection }: StartedProcess): () => void {
  const { stdin, stdout } = process;
  const resize = () => {
    if (stdout.isTTY) connection.resize({ rows: stdout.rows, columns: stdout.columns });
  };
  connection.onOutput(({ bytes }) => writeAll(bytes));
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on("data", (bytes: Buffer) => void connection.write(bytes));
  process.on("SIGWINCH", resize);
  resize();
  return () => {
    process.off("SIGWINCH", resize);
    stdin.pause();
    if (stdin.isTTY) stdin.setRawMode(false);
  };
}

/** In full, also to a pipe that is slow to take it. */
function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
    }
  }
}
