import type { PlanContext } from "./plan-context.ts";
import type { MonitorInput } from "./plan-input.ts";
import type { Slot } from "./slot.ts";
import type { Stdio } from "./stdio.ts";

/** The MONITOR operation's flags. @see docs/plan-protocol.md */
export const MONITOR_FLAGS = {
  STDOUT: 1,
  STDERR: 2,
  STDIN: 4,
  CLAIM: 8,
  STDIN_ONCE: 16,
  NO_LISTEN: 32,
} as const;

/** TAIL: the launcher stays as the container's monitor, or is gone. */
export function stayOrLeave(context: PlanContext, stdio: Stdio, console: Slot | null): void {
  const { monitor } = context.input;
  if (monitor === null) {
    context.plan.tail("DETACH", [], { why: "the launcher's work is done" });
    return;
  }
  const { argv, env } = monitor.exitHook ?? { argv: [], env: [] };
  const log = monitor.logPath ?? "";
  context.plan.tail(
    "MONITOR",
    [
      console,
      stdio.input,
      stdio.output,
      stdio.error,
      monitor.runDirectory,
      monitorFlags(monitor),
      log,
      log === "" ? 0 : monitor.logMaxBytes,
      monitor.logMaxFiles,
      monitor.lagBytes,
      argv,
      env,
    ],
    { why: "streams, log and exit status, as long as it runs", doing: "monitor the container" },
  );
}

function monitorFlags({ attach, stdinOnce, listen }: MonitorInput): number {
  const wanted: readonly (readonly [boolean, number])[] = [
    [attach.stdout, MONITOR_FLAGS.STDOUT],
    [attach.stderr, MONITOR_FLAGS.STDERR],
    [attach.stdin, MONITOR_FLAGS.STDIN],
    [attach.claimExit, MONITOR_FLAGS.CLAIM],
    [stdinOnce, MONITOR_FLAGS.STDIN_ONCE],
    [!listen, MONITOR_FLAGS.NO_LISTEN],
  ];
  return wanted.reduce((flags, [on, bit]) => (on ? flags | bit : flags), 0);
}
