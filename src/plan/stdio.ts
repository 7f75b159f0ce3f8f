import { O } from "./kernel-flags.ts";
import { hostOwner, type PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

/** The process's standard streams, and the monitor's ends of them. */
export interface Stdio {
  /** The process's 0, 1, 2; null leaves the launcher's own. With a terminal its slave side. */
  readonly child: readonly [Slot | null, Slot | null, Slot | null];
  /** The monitor's. */
  readonly console: Slot | null;
  readonly input: Slot | null;
  readonly output: Slot | null;
  readonly error: Slot | null;
}

/** HOST: pipes, or /dev/null for an input that nobody will write. With a terminal nothing yet: it is opened inside. */
export function preparePipes(context: PlanContext): Stdio {
  const { plan, input } = context;

  if (input.monitor === null || input.inheritStdio === true) return NO_STDIO;
  let stdin: Slot;
  let writer: Slot | null = null;
  if (input.monitor.openStdin) {
    stdin = plan.slot("stdin");
    writer = plan.slot("stdin-writer");
    plan.host("PIPE", [stdin, writer], { why: "the process's input" });
    giveTo(context, stdin);
  } else {
    stdin = plan.slot("stdin");
    plan.host("OPEN", [null, "/dev/null", O.O_RDWR | O.O_CLOEXEC, 0, 0, stdin], { why: "no input" });
  }
  const output = pipe(context, "stdout", "the process's output");
  const error = pipe(context, "stderr", "the process's errors, kept apart from its output");
  return { child: [stdin, output.writer, error.writer], console: null, input: writer, output: output.reader, error: error.reader };
}

function pipe(context: PlanContext, name: string, why: string): { reader: Slot; writer: Slot } {
  const reader = context.plan.slot(`${name}-reader`);
  const writer = context.plan.slot(name);
  context.plan.host("PIPE", [reader, writer], { why });
  giveTo(context, writer);
  return { reader, writer };
}

/** HOST: opening /dev/stdout again is subject to the pipe's owner, which is root unless it is given away. */
function giveTo(context: PlanContext, end: Slot): void {
  const { uid, gid } = hostOwner(context, { uid: context.process.user?.uid ?? 0, gid: context.process.user?.gid ?? 0 });
  if (uid === 0 && gid === 0) return;
  context.plan.host("CHOWN", [end, uid, gid], { why: "so that the process may open /dev/stdout and its like again" });
}

/** PARENT: the process's ends must be the process's alone, or its end would never be seen. */
export function closeChildEnds(context: PlanContext, stdio: Stdio): void {
  const ends = stdio.child.filter((slot) => slot !== null);
  if (ends.length > 0 && stdio.console === null) context.plan.parent("CLOSE", [ends], { why: "only the process may hold these ends" });
}

/** No pipes: a terminal is opened inside instead, or the process keeps the launcher's own streams. */
export const NO_STDIO: Stdio = { child: [null, null, null], console: null, input: null, output: null, error: null };
