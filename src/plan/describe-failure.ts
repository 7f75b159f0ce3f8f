import { EngineError } from "../core/engine-error.ts";
import { errnoName, errnoText } from "../core/errno.ts";
import type { LaunchPlan, Operation } from "./operations.ts";

/** What the launcher reports: which operation failed, how, and what the kernel had to say about it (may be empty). */
export interface OperationFailure {
  /** From 0. */
  readonly index: number;
  readonly errno: number;
  readonly detail: string;
}

/**
 * The failure of a plan as a sentence: "mount proc on `/proc`: operation not permitted (step 14 of 41)". A command that is not there or
 * can't be executed has its own code, and docker's words.
 */
export function describeFailure(plan: LaunchPlan, failure: OperationFailure): EngineError {
  const operation = plan.operations[failure.index];
  const details = { operation: failure.index, step: failure.index + 1, errno: failure.errno, detail: failure.detail };
  if (operation === undefined) {
    return new EngineError({
      kind: "failedPrecondition",
      code: "LAUNCH_FAILED",
      message: `carry out the launch plan: ${errnoText(failure.errno)}${suffix(failure.detail)}`,
      details,
    });
  }
  const isCommand = operation.name === "EXEC" || operation.name === "STARTWAIT";
  if (isCommand) {
    const execute = plan.operations.find((candidate) => candidate.name === "EXEC");
    const [candidates, argv] = execute?.args ?? [[], []];
    const [command = ""] = argv;
    const error = commandFailure({ command, searched: candidates.length > 1 || !command.includes("/") }, { ...failure, details });
    if (error !== undefined) return error;
  }
  const step = `(step ${failure.index + 1} of ${plan.operations.length})`;
  const message = `${operation.doing ?? defaultDoing(operation)}: ${errnoText(failure.errno)}${isCommand ? "" : suffix(failure.detail)} ${step}`;
  return new EngineError({ kind: "failedPrecondition", code: "LAUNCH_FAILED", message, details });
}

function suffix(detail: string): string {
  return detail === "" ? "" : `: ${detail}`;
}

/**
 * A command that is not there or can't be executed; undefined for another failure. `searched`: it was looked for in the directories of PATH.
 */
export function commandFailure(
  { command, searched }: { readonly command: string; readonly searched: boolean },
  {
    errno,
    detail,
    details = {},
  }: { readonly errno: number; readonly detail: string; readonly details?: Readonly<Record<string, unknown>> },
): EngineError | undefined {
  switch (errnoName(errno)) {
    case "ENOENT":
    case "ENOTDIR": {
      const reason = searched ? "executable file not found in $PATH" : `no such file or directory`;
      return new EngineError({
        kind: "failedPrecondition",
        code: "COMMAND_NOT_FOUND",
        message: `exec: "${command}": ${reason}`,
        details,
      });
    }
    case "EACCES":
    case "EISDIR":
    case "ELOOP":
    case "ENOEXEC":
    case "ELIBBAD":
    case "EPERM":
      return new EngineError({
        kind: "failedPrecondition",
        code: "COMMAND_NOT_EXECUTABLE",
        message: `exec: "${detail === "" ? command : detail}": ${errnoText(errno)}`,
        details,
      });
    default:
      return undefined;
  }
}

/** For operations whose maker didn't say what they are for. */
function defaultDoing(operation: Operation): string {
  switch (operation.name) {
    case "OPEN":
      return `open \`${operation.args[1]}\``;
    case "MKDIRP":
      return `make the directory \`${operation.args[1]}\``;
    case "WRITE":
    case "WRITEPID":
      return `write to \`${operation.args[1]}\``;
    case "CHDIR":
      return `enter the directory \`${operation.args[1]}\``;
    case "TREE":
      return `copy the mount \`${operation.args[1]}\``;
    case "SETNS":
      return `enter a namespace (${operation.why})`;
    default:
      return `carry out ${operation.name} (${operation.why})`;
  }
}
