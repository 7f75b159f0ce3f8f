import { buildInfo } from "../core/build-info.ts";
import { EngineError } from "../core/engine-error.ts";
import type { Engine } from "../engine/engine.ts";
import type { CliContext, GlobalOptions } from "./cli-context.ts";
import type { FlagValues } from "./flags/flag-spec.ts";
import { parseFlags } from "./flags/parse-flags.ts";
import { globalFlags } from "./global-flags.ts";
import { FdSink } from "./output/fd-sink.ts";
import type { OutputSink } from "./output/output-sink.ts";
import type { Verb } from "./verb.ts";
import { groups, type VerbEntry, verbs } from "./verb-table.ts";

/** What the command line needs of the process around it. */
export interface CliHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  createEngine(options: { readonly root: string; readonly runRoot: string }): Engine | Promise<Engine>;
  readonly stdout?: OutputSink;
  readonly stderr?: OutputSink;
  readonly stdinFd?: number;
  now?(): Date;
}

/**
 * Runs one command line and resolves with its exit code; all output has left by then. Never rejects: errors are printed, in docker's form.
 */
export async function runCli(args: readonly string[], host: CliHost): Promise<number> {
  const stdout = host.stdout ?? new FdSink(1, "standard output");
  const stderr = host.stderr ?? new FdSink(2, "standard error");
  let engine: Engine | undefined;
  let target: Target | undefined;
  let debug = false;
  try {
    const parsed = parseFlags(globalFlags, args, { stopAtPositional: true });
    const globals = globalOptions(parsed.values, host.env);
    debug = globals.debug;
    const words = parsed.positionals;
    if (parsed.values.version) {
      await stdout.write(`Wherry version ${buildInfo.version}, build ${buildInfo.commit}\n`);
      return 0;
    }
    const sinks = { stdout, stderr };
    const wantsHelp = parsed.helpRequested || parsed.values.help || words.length === 0 || isGroupHelp(words);
    if (wantsHelp) return await (await import("./global-help.ts")).printHelp(sinks, words.slice(0, 1));
    if (words[0] === "help") return await (await import("./global-help.ts")).printHelp(sinks, words.slice(1));
    if (parsed.values.host !== undefined) refuseHost(parsed.values.host);

    target = await findVerb(words);
    if (target === undefined) return await (await import("./global-help.ts")).reportUnknownCommand(sinks, words);
    const input = parseFlags(target.verb.flags, target.args, { stopAtPositional: target.verb.stopAtPositional ?? false });
    if (input.helpRequested) {
      const { verbHelp } = await import("./flags/help-text.ts");
      await stdout.write(verbHelp(target.verb, target.name));
      return 0;
    }
    checkArgumentCount(target, input.positionals.length);

    const context: CliContext = {
      stdout,
      stderr,
      stdinFd: host.stdinFd ?? 0,
      env: host.env,
      globals,
      commandName: target.name,
      engine: async () => {
        engine ??= await host.createEngine({ root: globals.root, runRoot: globals.runRoot });
        return engine;
      },
      now: () => host.now?.() ?? new Date(),
    };
    return await target.verb.run(context, input);
  } catch (error) {
    const { reportError } = await import("./report-error.ts");
    return await reportError(error, { stderr, debug, ...(target === undefined ? {} : { verb: target.verb, commandName: target.name }) });
  } finally {
    await engine?.[Symbol.asyncDispose]();
    await Promise.allSettled([stdout.drain(), stderr.drain()]);
  }
}

interface Target {
  readonly verb: Verb;
  readonly name: string;
  readonly args: readonly string[];
}

async function findVerb(words: readonly string[]): Promise<Target | undefined> {
  const [first = "", second = ""] = words;
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  if (group !== undefined)
    return Object.hasOwn(group.verbs, second)
      ? await loadVerb(group.verbs[second], `wherry ${first} ${second}`, words.slice(2))
      : undefined;
  return Object.hasOwn(verbs, first) ? await loadVerb(verbs[first], `wherry ${first}`, words.slice(1)) : undefined;
}

async function loadVerb(entry: VerbEntry | undefined, name: string, args: readonly string[]): Promise<Target | undefined> {
  return entry === undefined ? undefined : { verb: await entry.load(), name, args };
}

function globalOptions(values: FlagValues<typeof globalFlags>, env: CliHost["env"]): GlobalOptions {
  return {
    root: values.root ?? nonEmpty(env["WHERRY_ROOT"]) ?? "/var/lib/wherry",
    runRoot: values["run-root"] ?? nonEmpty(env["WHERRY_RUN_ROOT"]) ?? "/run/wherry",
    debug: values.debug,
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function checkArgumentCount(target: Target, count: number): void {
  const { minArguments: least, maxArguments: most = Number.POSITIVE_INFINITY } = target.verb;
  if (count >= least && count <= most) return;
  const plural = (n: number): string => `${n} argument${n === 1 ? "" : "s"}`;
  let wanted = count < least ? `requires at least ${plural(least)}` : `requires at most ${plural(most)}`;
  if (least === most) wanted = least === 0 ? "accepts no arguments" : `requires ${plural(least)}`;
  throw new EngineError({ kind: "invalidArgument", code: "CLI_ARGUMENT_COUNT", message: `'${target.name}' ${wanted}` });
}

/** `wherry container`, `wherry container --help`. */
function isGroupHelp([first = "", second = "--help", ...more]: readonly string[]): boolean {
  return Object.hasOwn(groups, first) && ["--help", "-h", "help"].includes(second) && more.length === 0;
}

/** DOCKER_HOST is not looked at: it is often set for other tools; only an explicit -H is a request to us. */
function refuseHost(host: string): never {
  throw new EngineError({
    kind: "notImplemented",
    code: "NOT_IMPLEMENTED",
    message: `talking to a server (-H \`${host}\`) is not implemented yet: leave it out, wherry acts on this machine directly and needs no server`,
  });
}
