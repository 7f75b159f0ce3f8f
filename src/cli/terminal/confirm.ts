import { readSync } from "node:fs";
import type { CliContext } from "../cli-context.ts";

/** Asks docker's question before something is removed and reads one line of standard input. Only `y` or `Y` is yes; its end is no. */
export async function confirm(context: CliContext, warning: string): Promise<boolean> {
  await context.stdout.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  await context.stdout.drain();
  return readLine(context.stdinFd).trim().toLowerCase() === "y";
}

function readLine(fd: number): string {
  const byte = Buffer.alloc(1);
  let line = "";
  try {
    while (readSync(fd, byte) === 1 && byte[0] !== 0x0a) line += byte.toString("latin1");
  } catch {
    // A closed input answers nothing.
  }
  return line;
}
