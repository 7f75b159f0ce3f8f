import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";
import type { CliContext } from "../cli-context.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { AttachedSession } from "../terminal/attached-session.ts";
import { checkTerminal } from "../terminal/check-terminal.ts";
import { detachKeysFlag } from "../terminal/detach-keys-flag.ts";
import { defineVerb } from "../verb.ts";

export const startVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Start one or more stopped containers",
  aliases: ["wherry container start", "wherry start"],
  flags: {
    attach: switchFlag("Attach STDOUT/STDERR and forward signals", { short: "a" }),
    "detach-keys": detachKeysFlag,
    interactive: switchFlag("Attach container's STDIN", { short: "i" }),
    "sig-proxy": switchFlag("Proxy received signals to the process", { initial: true, hidden: true }),
  },
  minArguments: 1,
  async run(context, { values, positionals }) {
    if (!values.attach && !values.interactive) return await startAll(context, positionals);
    const [reference = ""] = positionals;
    if (positionals.length > 1) throw invalidOption("you cannot start and attach multiple containers at once");

    const { containers } = await context.engine();
    const { options } = await containers.inspect(reference);
    const tty = options.tty ?? false;
    const stdin = values.interactive && (options.openStdin ?? false);
    await checkTerminal({ tty, stdin, stdinFd: context.stdinFd });
    using session = AttachedSession.open(context, {
      stdin,
      stdout: true,
      stderr: true,
      tty,
      signalProxy: values["sig-proxy"] && !tty,
      detachKeys: values["detach-keys"],
    });
    const { streams } = await containers.start(reference, { attach: await session.attachOptions() });
    return streams === undefined ? 0 : ((await session.follow(streams)) ?? 0);
  },
});

/** One after the other, as docker does: containers may depend on the ones named before them. */
async function startAll(context: CliContext, references: readonly string[]): Promise<number> {
  const { containers } = await context.engine();
  let exitCode = 0;
  for (const reference of references) {
    try {
      await containers.start(reference);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.kind !== "notModified") {
        exitCode = 1;
        await context.stderr.write(`wherry: start \`${reference}\`: ${error.message}\n`);
        continue;
      }
    }
    await context.stdout.write(`${reference}\n`);
  }
  return exitCode;
}
