import { EngineError } from "../core/engine-error.ts";
import { noSpaceError } from "../core/no-space.ts";
import type { OutputSink } from "./output/output-sink.ts";
import type { Verb } from "./verb.ts";

export interface ErrorScene {
  readonly stderr: OutputSink;
  readonly debug: boolean;
  /** Absent while the verb is not known yet. */
  readonly verb?: Verb;
  readonly commandName?: string;
}

/** Prints an error as docker words it and returns the exit code: 125 for bad flags, 1 for a wrong number of arguments, else the verb's. */
export async function reportError(thrown: unknown, scene: ErrorScene): Promise<number> {
  const error = thrown instanceof EngineError ? thrown : (noSpaceError(thrown) ?? thrown);
  const commandName = scene.commandName ?? "wherry";
  const usage = scene.verb === undefined ? "[OPTIONS] COMMAND [ARG...]" : scene.verb.usage;
  const usageLine = `Usage:  ${commandName} ${usage}`.trimEnd();
  let text: string;
  let exitCode: number;
  if (error instanceof EngineError && error.code.startsWith("CLI_FLAG_")) {
    text = `${error.message}${await hint(error, scene)}\n\n${usageLine}\n\nRun '${commandName} --help' for more information\n`;
    exitCode = 125;
  } else if (error instanceof EngineError && error.code === "CLI_ARGUMENT_COUNT") {
    text = `wherry: ${error.message}\n\n${usageLine}\n\nSee '${commandName} --help' for more information\n`;
    exitCode = 1;
  } else if (error instanceof EngineError) {
    text = `wherry: ${error.message}\n`;
    exitCode = exitCodeOf(error, scene.verb);
  } else {
    const reason = error instanceof Error ? error.message : String(error);
    text = `wherry: internal error: ${reason}${scene.debug ? "" : " (a bug of wherry; run it with --debug to see where)"}\n`;
    exitCode = scene.verb?.engineErrorExitCode ?? 1;
  }
  if (scene.debug && error instanceof Error) text += `${describeStack(error)}\n`;
  await scene.stderr.write(text);
  return exitCode;
}

function exitCodeOf(error: EngineError, verb: Verb | undefined): number {
  if (error.code === "CLI_NOT_A_TERMINAL") return 1;
  const own = verb?.exitCodes?.[error.code];
  if (own !== undefined) return own;
  if (verb?.engineErrorExitCode === undefined) return 1;
  if (error.code === "COMMAND_NOT_FOUND") return 127;
  if (error.code === "COMMAND_NOT_EXECUTABLE") return 126;
  return verb.engineErrorExitCode;
}

async function hint(error: EngineError, scene: ErrorScene): Promise<string> {
  const flag = error.details["flag"];
  if (scene.verb === undefined || typeof flag !== "string" || flag.length < 2) return "";
  const { closest } = await import("./flags/closest.ts");
  const near = closest(flag, Object.keys(scene.verb.flags));
  return near === undefined ? "" : ` (did you mean --${near}?)`;
}

function describeStack(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by: ${describeStack(error.cause)}` : own;
}
