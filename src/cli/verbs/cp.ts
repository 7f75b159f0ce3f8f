import { EngineError } from "../../core/engine-error.ts";
import { formatDecimalSize } from "../../core/size.ts";
import { copyFrom } from "../copy/copy-from.ts";
import { parseCopyEnd } from "../copy/copy-rules.ts";
import { copyTo } from "../copy/copy-to.ts";
import { optionalSwitchFlag, switchFlag } from "../flags/flag-spec.ts";
import { isTerminal } from "../terminal/terminal.ts";
import { defineVerb } from "../verb.ts";

export const cpVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-",
  summary: "Copy files/folders between a container and the local filesystem",
  details:
    "The other way round: wherry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH\n\n" +
    "Use '-' as the source to read a tar archive from stdin and extract it to a directory destination in a container. " +
    "Use '-' as the destination to stream a tar archive of a container source to stdout.",
  aliases: ["wherry container cp", "wherry cp"],
  flags: {
    archive: switchFlag("Archive mode (copy all uid/gid information)", { short: "a" }),
    "follow-link": switchFlag("Always follow symbol link in SRC_PATH", { short: "L" }),
    quiet: optionalSwitchFlag("Suppress progress output during copy. It is suppressed anyway if no terminal is attached", { short: "q" }),
  },
  minArguments: 2,
  maxArguments: 2,
  async run(context, { values, positionals: [source = "", destination = ""] }) {
    if (source === "") throw invalid("source can not be empty");
    if (destination === "") throw invalid("destination can not be empty");
    const [from, to] = [parseCopyEnd(source), parseCopyEnd(destination)];
    if (from.container !== "" && to.container !== "") throw invalid("copying between containers is not supported");
    if (from.container === "" && to.container === "") throw invalid("must specify at least one container source");
    if ((from.container !== "" && from.path === "") || (to.container !== "" && to.path === "")) throw invalid("path cannot be empty");
    const flags = { archive: values.archive, followLink: values["follow-link"] };
    if (destination === "-" && isTerminal(context.stdout.fd))
      throw invalid("cowardly refusing to copy an archive to a terminal: redirect it");
    const copied =
      from.container === ""
        ? await copyTo(context, source, { ...flags, destination: to })
        : await copyFrom(context, from, { ...flags, destination });
    const quiet = values.quiet ?? !isTerminal(context.stdout.fd);
    if (!quiet && destination !== "-")
      await context.stderr.write(`Successfully copied ${formatDecimalSize(copied.bytes)} to ${copied.to}\n`);
    return 0;
  },
});

function invalid(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "COPY_SOURCE_INVALID", message });
}
