import { readEnvironment } from "../container-flags/environment.ts";
import { listFlag, stringFlag, switchFlag } from "../flags/flag-spec.ts";
import { AttachedSession } from "../terminal/attached-session.ts";
import { checkTerminal } from "../terminal/check-terminal.ts";
import { detachKeysFlag } from "../terminal/detach-keys-flag.ts";
import { defineVerb } from "../verb.ts";

export const execVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  summary: "Execute a command in a running container",
  aliases: ["wherry container exec", "wherry exec"],
  flags: {
    detach: switchFlag("Detached mode: run command in the background", { short: "d" }),
    "detach-keys": detachKeysFlag,
    env: listFlag("Set environment variables", { short: "e" }),
    "env-file": listFlag("Read in a file of environment variables"),
    interactive: switchFlag("Keep STDIN open even if not attached", { short: "i" }),
    privileged: switchFlag("Give extended privileges to the command"),
    tty: switchFlag("Allocate a pseudo-TTY", { short: "t" }),
    user: stringFlag('Username or UID (format: "<name|uid>[:<group|gid>]")', { short: "u" }),
    workdir: stringFlag("Working directory inside the container", { short: "w" }),
  },
  stopAtPositional: true,
  minArguments: 2,
  engineErrorExitCode: 1,
  // Docker's for a command that the container can't start, whatever the reason but its absence.
  exitCodes: { LAUNCH_FAILED: 126, USER_NOT_FOUND: 126, CONFIG_INVALID: 126 },
  async run(context, { values, positionals: [reference = "", ...command] }) {
    const { tty, detach, interactive: stdin } = values;
    if (!detach) await checkTerminal({ tty, stdin, stdinFd: context.stdinFd });
    const env = readEnvironment({ files: values["env-file"], variables: values.env }, context.env);
    const options = {
      command,
      tty,
      privileged: values.privileged,
      ...(env.length === 0 ? {} : { env }),
      ...(values.user === undefined ? {} : { user: values.user }),
      ...(values.workdir === undefined ? {} : { workingDirectory: values.workdir }),
    };
    const { containers } = await context.engine();
    if (detach) {
      await using _ = await containers.exec(reference, options);
      return 0;
    }
    // Unlike docker's, signals reach the process: Ctrl-C without -t would else leave it running, with nobody attached.
    using session = AttachedSession.open(context, {
      stdin,
      stdout: true,
      stderr: true,
      tty,
      signalProxy: true,
      detachKeys: values["detach-keys"],
    });
    const streams = await containers.exec(reference, { ...options, attach: await session.attachOptions() });
    return (await session.follow(streams)) ?? 0;
  },
});
