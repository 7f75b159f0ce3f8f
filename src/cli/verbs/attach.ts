import { EngineError } from "../../core/engine-error.ts";
import { switchFlag } from "../flags/flag-spec.ts";
import { AttachedSession } from "../terminal/attached-session.ts";
import { checkTerminal } from "../terminal/check-terminal.ts";
import { detachKeysFlag } from "../terminal/detach-keys-flag.ts";
import { defineVerb } from "../verb.ts";

export const attachVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER",
  summary: "Attach local standard input, output, and error streams to a running container",
  aliases: ["wherry container attach", "wherry attach"],
  flags: {
    "detach-keys": detachKeysFlag,
    "no-stdin": switchFlag("Do not attach STDIN"),
    "sig-proxy": switchFlag("Proxy all received signals to the process", { initial: true }),
  },
  minArguments: 1,
  maxArguments: 1,
  async run(context, { values, positionals: [reference = ""] }) {
    const { containers } = await context.engine();
    const { status, options } = await containers.inspect(reference);
    if (status === "paused")
      throw new EngineError({
        kind: "conflict",
        code: "CONTAINER_PAUSED",
        message: "You cannot attach to a paused container, unpause it first",
      });
    if (status !== "running")
      throw new EngineError({
        kind: "conflict",
        code: "CONTAINER_NOT_RUNNING",
        message: "You cannot attach to a stopped container, start it first",
      });
    const tty = options.tty ?? false;
    const stdin = !values["no-stdin"] && (options.openStdin ?? false);
    await checkTerminal({ tty, stdin, stdinFd: context.stdinFd });
    using session = AttachedSession.open(context, {
      stdin,
      stdout: true,
      stderr: true,
      tty,
      signalProxy: values["sig-proxy"] && !tty,
      detachKeys: values["detach-keys"],
      redraw: true,
    });
    const streams = await containers.attach(reference, await session.attachOptions());
    return (await session.follow(streams)) ?? 0;
  },
});
