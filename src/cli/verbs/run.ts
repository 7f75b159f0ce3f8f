import type { ContainerOptions } from "../../spec/container-options.ts";
import { EngineError } from "../../core/engine-error.ts";
import type { StartOptions } from "../../engine/engine.ts";
import type { ExplainedPlan } from "../../plan/explained-plan.ts";
import type { CliContext } from "../cli-context.ts";
import { CidFile } from "../container-flags/cid-file.ts";
import { containerFlags } from "../container-flags/container-flag-table.ts";
import { attachedStreams, containerOptions } from "../container-flags/container-options.ts";
import { explainFlags } from "../explain/explain-flags.ts";
import { parsedFlag, switchFlag } from "../flags/flag-spec.ts";
import type { OutputSink } from "../output/output-sink.ts";
import { printWarnings } from "../output/print-warnings.ts";
import { AttachedSession } from "../terminal/attached-session.ts";
import { checkTerminal } from "../terminal/check-terminal.ts";
import { parseDetachKeys } from "../terminal/detach-keys.ts";
import { defineVerb } from "../verb.ts";

const flags = {
  ...containerFlags,
  ...explainFlags,
  detach: switchFlag("Run container in background and print container ID", { short: "d" }),
  "detach-keys": parsedFlag("Override the key sequence for detaching a container", { parse: parseDetachKeys }),
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
    const options = containerOptions(values, { positionals, detach, env: context.env });
    if (values.explain === "only") return await explainOnly(context, options, values.json);

    using cidFile = CidFile.open(values.cidfile);
    // The plan may be long and its reader slow: it is written in full before the first byte of output.
    let explained: Promise<void> | undefined;
    const onPlan = values.explain === undefined ? {} : {
          onPlan: (plan: ExplainedPlan): void => {
            explained = printPlan(context.stderr, plan, values.json);
          },
        };

    if (detach) {
      const { id, warnings } = await start(context, options, onPlan, cidFile);
      await explained;
      await printWarnings(context.stderr, warnings);
      await context.stdout.write(`${id}\n`);
      return 0;
    }

    const detachKeys = values["detach-keys"];
    using session = AttachedSession.open(context, { ...attach, tty, signalProxy: values["sig-proxy"], ...(detachKeys === undefined ? {} : { detachKeys }) });
    const { streams, warnings } = await start(context, options, { ...onPlan, attach: await session.attachOptions() }, cidFile);
    await explained;
    await printWarnings(context.stderr, warnings);
    return streams === undefined ? 0 : ((await session.follow(streams)) ?? 0);
  },
});

async function start(context: CliContext, options: ContainerOptions, startOptions: StartOptions, cidFile: CidFile | undefined) {
  const engine = await context.engine();
  try {
    const result = await engine.containers.run(options, startOptions);
    cidFile?.write(result.id);
    return result;
  } catch (error) {
    // Created but not started: the container is there, and the file says which one it is.
    const id = error instanceof EngineError ? error.details["containerId"] : undefined;
    if (typeof id === "string") cidFile?.write(id);
    throw error;
  }
}

async function explainOnly(context: CliContext, options: ContainerOptions, json: boolean): Promise<number> {
  const engine = await context.engine();
  await printPlan(context.stdout, await engine.containers.explainOptions(options), json);
  return 0;
}

async function printPlan(sink: OutputSink, plan: ExplainedPlan, json: boolean): Promise<void> {
  const { planJson, planText } = await import("../explain/plan-text.ts");
  await sink.write(json ? planJson(plan) : planText(plan));
}
