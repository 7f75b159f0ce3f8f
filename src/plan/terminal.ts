import { AT, KEEP_ID } from "./kernel-flags.ts";
import type { MountTargets } from "./mount-targets.ts";
import type { PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";
import type { Stdio } from "./stdio.ts";

/** A pseudo-terminal of the container's own devpts: its slave on the child's side, its master on the monitor's. */
export interface Terminal {
  readonly master: Slot;
  readonly slave: Slot;
}

/**
 * CHILD and PARENT: opens a terminal inside and hands its master out. The slave is opened through the master (TIOCGPTPEER), never by a
 * path that the container could have changed (CVE-2025-52565).
 */
export function openTerminal(context: PlanContext): Terminal {
  const { plan, root, input } = context;
  const master = plan.slot("console");
  const slave = plan.slot("terminal");
  plan.child("PTY", [root, "/dev/pts/ptmx", input.terminal.rows, input.terminal.columns, master, slave], {
    why: "a terminal in the container's own devpts",
    doing: "open a terminal in the container",
  });
  const uid = context.process.user?.uid ?? 0;
  if (uid !== 0) plan.child("CHOWN", [slave, uid, KEEP_ID], { why: "the terminal is the user's" });
  plan.child("GIVE", [[master]], { why: "the monitor reads and writes the terminal's other side" });
  plan.parent("TAKE", [[master]], { why: "the terminal's other side, from the child", doing: "wait for the terminal" });
  sendConsole(context, master);
  return { master, slave };
}

/** PARENT: whoever listens owns the terminal from here on. The text is what runc sends, the name that it has opened. */
function sendConsole({ plan, input }: PlanContext, master: Slot): void {
  if (input.consoleSocket === undefined) return;
  plan.parent("SENDFD", [master, input.consoleSocket, ["/dev/ptmx"]], {
    why: "the caller reads and writes the terminal's other side",
    doing: `send the terminal to \`${input.consoleSocketName ?? input.consoleSocket}\``,
  });
}

/** CHILD: `/dev/console` is the terminal. */
export function bindConsole(context: PlanContext, terminal: Terminal, targets: MountTargets): void {
  const copy = context.plan.slot("dev-console");
  const doing = "bind the terminal on `/dev/console`";
  targets.file("/dev/console");
  context.plan.child("TREE", [terminal.slave, "", AT.AT_EMPTY_PATH, copy], { why: "the terminal, for /dev/console", doing });
  context.plan.child("MOVE", [copy, context.root, "/dev/console"], { why: "programs that log to the console reach the terminal", doing });
}

/** CHILD: a session of its own, the controlling terminal, descriptors 0 to 2. */
export function takeStdio(context: PlanContext, stdio: Stdio, terminal: Terminal | null): void {
  const { plan } = context;
  plan.child("SETSID", [], { why: "a session of its own: no terminal of the caller's reaches it" });
  if (terminal !== null) {
    plan.child("CTTY", [terminal.slave], { why: "the session's controlling terminal: Ctrl-C and job control work" });
    plan.child("STDIO", [terminal.slave, terminal.slave, terminal.slave], { why: "standard streams on the terminal" });
  } else if (stdio.child.some((slot) => slot !== null)) {
    plan.child("STDIO", [...stdio.child], { why: "standard streams on the pipes" });
  }
}
