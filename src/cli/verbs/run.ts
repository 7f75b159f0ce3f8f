import { EngineError } from "../../core/engine-error.ts";
import type { StartOptions, StartResult } from "../../engine/engine.ts";
import type { ExplainedPlan } from "../../plan/explained-plan.ts";
import type { ContainerOptions } from "../../spec/container-options.ts";
import type { CliContext } from "../cli-context.ts";
import { CidFile } from "../container-flags/cid-file.ts";
import { containerFlags } from "../container-flags/container-flag-table.ts";
import { attachedStreams, containerOptions } from "../container-flags/container-options.ts";
import { withImage } from "../container-flags/with-image.ts";
import { explainFlags } from "../explain/explain-flags.ts";
import { explainOptions, printPlan } from "../explain/print-plan.ts";
import { type FlagValues, switchFlag } from "../flags/flag-spec.ts";
import { printWarnings } from "../output/print-warnings.ts";
import { AttachedSession } from "../terminal/attached-session.ts";
import { checkTerminal } from "../terminal/check-terminal.ts";
import { detachKeysFlag } from "../terminal/detach-keys-flag.ts";
import { defineVerb } from "../verb.ts";

const flags = {
  ...containerFlags,
  ...explainFlags,
  detach: switchFlag("Run container in background and print container ID", { short: "d" }),
  "detach-keys": detachKeysFlag,
  "sig-proxy": switchFlag("Proxy received signals to the process", { initial: true }),
} as const;

export const runVerb = defineVerb({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  aliases: ["wherry container run", "wherry run"],
  flags,
  stopAtPositional: true,
  minArguments: 1,
  engineErrorExitCode: 125,
  async run(context, { values, positionals }) {
    const { detach, tty } = values;
    const attach = attachedStreams(values, detach);
    if (!detach) await checkTerminal({ tty, stdin: attach.stdin, stdinFd: context.stdinFd });
    const options = await containerOptions(values, { positionals, detach, env: context.env });
    if (values.explain === "only") return await explainOptions(context, options, values.json);

    using cidFile = CidFile.open(values.cidfile);
    // The plan is written in full before the first byte of output, however slow its reader is.
    let explained: Promise<void> | undefined;
    const onPlan = (plan: ExplainedPlan): void => {
      explained = printPlan(context.stderr, plan, values.json);
    };
    const explain = values.explain === undefined ? {} : { onPlan };

    if (detach) {
      const { id, warnings } = await start(context, options, explain, { cidFile, values });
      await explained;
      await printWarnings(context.stderr, warnings);
      await context.stdout.write(`${id}\n`);
      return 0;
    }

    using session = AttachedSession.open(context, {
      ...attach,
      stdin: values.interactive,
      tty,
      signalProxy: values["sig-proxy"],
      detachKeys: values["detach-keys"],
    });
    const { id, streams, warnings } = await start(
      context,
      options,
      { ...explain, attach: await session.attachOptions() },
      { cidFile, values },
    );
    await explained;
    await printWarnings(context.stderr, warnings);
    // Its output is not ours, then: whoever runs it has to know where to look for it.
    if (!attach.stdout && !attach.stderr) await context.stdout.write(`${id}\n`);
    return streams === undefined ? 0 : ((await session.follow(streams)) ?? 0);
  },
});

async function start(
  context: CliContext,
  options: ContainerOptions,
  startOptions: StartOptions,
  {
    cidFile,
    values,
  }: { readonly cidFile: CidFile | undefined; readonly values: Pick<FlagValues<typeof flags>, "pull" | "quiet" | "platform"> },
): Promise<StartResult> {
  const engine = await context.engine();
  try {
    const result = await withImage(context, options.image, values, () => engine.containers.run(options, startOptions));
    cidFile?.write(result.id);
    return result;
  } catch (error) {
    // Created but not started: the container is there, and the file says which one it is.
    const id = error instanceof EngineError ? error.details["containerId"] : undefined;
    if (typeof id === "string") cidFile?.write(id);
    throw error;
  }
}
