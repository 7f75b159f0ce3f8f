import { O } from "./kernel-flags.ts";
import type { PlanContext } from "./plan-context.ts";
import { execCandidates } from "./process.ts";

const S_IFIFO = 0o010000;

/**
 * HOST: the FIFOs between a created container and whoever starts it. Opened for reading and writing, which waits for nobody; once the
 * process that waits is dead, there is no reader and opening `start` for writing fails with ENXIO.
 * @see fifo(7)
 */
export function makeStartPipes(context: PlanContext): void {
  const { plan, input, startPipes } = context;
  if (input.startWait === undefined || startPipes === null) return;
  for (const name of ["start", "reply"] as const) {
    const path = input.startWait[name];
    plan.host("MKNOD", [null, path, S_IFIFO | 0o600, 0, 0, 0, 0], { why: `the FIFO \`${name}\` between the container and its starter` });
    plan.host("OPEN", [null, path, O.O_RDWR | O.O_CLOEXEC, 0, 0, startPipes[name]], { why: "the process's end of it" });
  }
}

/**
 * CHILD: the container is created. What comes after needs no descriptor and no capability of the launcher's.
 *
 * A filter under no_new_privs is loaded afterwards: who waits must not need what the filter forbids. Without no_new_privs it has to be loaded
 * before, as it takes CAP_SYS_ADMIN, which nobody who could be traced may hold while he waits.
 */
export function awaitStart(context: PlanContext): void {
  const { plan, process, startPipes } = context;
  if (startPipes === null) return;
  const { args = [], env = [] } = process;
  plan.child("STARTWAIT", [startPipes.start, startPipes.reply, execCandidates(args[0] ?? "", env)], {
    why: "created: the rest follows when somebody starts it",
    doing: `execute \`${args[0] ?? ""}\``,
  });
}
