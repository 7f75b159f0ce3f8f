import { readdirSync, readFileSync } from "node:fs";
import { type CallText, parseCall } from "./call-text.ts";

/** What one process asked of the kernel, in order. */
export interface TracedProcess {
  readonly pid: number;
  readonly calls: readonly CallText[];
}

/** strace's arguments; the traced command follows. A file for each process, so that calls are not interleaved. */
export function straceArguments(directory: string): readonly string[] {
  return ["-f", "-ff", "--quiet=attach,personality", "--pidns-translation", "-s", "16384", "-o", `${directory}/t`];
}

/** Reads a trace, when strace has ended. */
export function readTrace(directory: string): ReadonlyMap<number, TracedProcess> {
  return new Map(
    readdirSync(directory).map((name) => {
      const pid = Number(name.slice(name.lastIndexOf(".") + 1));
      const lines = readFileSync(`${directory}/${name}`, "latin1").split("\n");
      const calls = lines.filter((line) => /^\w+\(/.test(line)).map(parseCall);
      return [pid, { pid, calls }];
    }),
  );
}

/** The process that is given the plan, from the call after its arrival. @throws when there is not exactly one. */
export function findLauncher(trace: ReadonlyMap<number, TracedProcess>): TracedProcess {
  const found = [...trace.values()].flatMap((process) => {
    const received = process.calls.findIndex((call) => call.name === "read" && call.args[1]?.startsWith('"WHRYPLAN') === true);
    return received < 0 ? [] : [{ pid: process.pid, calls: process.calls.slice(received + 1) }];
  });
  const [launcher] = found;
  if (launcher === undefined || found.length > 1) throw new Error(`${found.length} processes of the trace are given a plan`);
  return launcher;
}

/** Whether strace has written the end of every process: it may outlive the last of them for a moment. */
export function isTraceComplete(directory: string): boolean {
  return readdirSync(directory).every((name) =>
    /^\+\+\+ (exited|killed) [^\n]*\n$/m.test(readFileSync(`${directory}/${name}`, "latin1").slice(-100)),
  );
}
