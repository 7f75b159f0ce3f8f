import { closeSync, openSync, renameSync, rmSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";
import { randomHex } from "../../core/random.ts";
import { stringFlag } from "../flags/flag-spec.ts";
import { FdSink } from "../output/fd-sink.ts";
import type { OutputSink } from "../output/output-sink.ts";
import { isTerminal } from "../terminal/terminal.ts";
import { defineVerb } from "../verb.ts";

export const exportVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER",
  summary: "Export a container's filesystem as a tar archive",
  aliases: ["wherry container export", "wherry export"],
  flags: { output: stringFlag("Write to a file, instead of STDOUT", { short: "o" }) },
  minArguments: 1,
  maxArguments: 1,
  async run(context, { values, positionals: [reference = ""] }) {
    const { output } = values;
    if ((output === undefined || output === "") && isTerminal(context.stdout.fd))
      throw new EngineError({
        kind: "invalidArgument",
        code: "CLI_OUTPUT_FAILED",
        message: "cowardly refusing to save to a terminal. Use the -o flag or redirect",
      });
    const { containers } = await context.engine();
    const tar = containers.export(reference);
    if (output === undefined || output === "") await writeAll(tar, context.stdout);
    else await writeFile(tar, output);
    return 0;
  },
});

async function writeAll(tar: AsyncIterable<Uint8Array>, sink: OutputSink): Promise<void> {
  for await (const chunk of tar) {
    await sink.write(chunk);
    if (sink.readerLeft) break;
  }
  await sink.drain();
}

/** Under its name when it is whole; a device or pipe is written to as it is. */
async function writeFile(tar: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  const partial = `${path}.${randomHex(8)}.partial`;
  const whole = isSpecial(path) ? undefined : partial;
  const fd = open(whole ?? path);
  try {
    await writeAll(tar, new FdSink(fd, path));
    if (whole !== undefined) renameSync(whole, path);
  } catch (error) {
    if (whole !== undefined) rmSync(whole, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function isSpecial(path: string): boolean {
  const found = process.getBuiltinModule("node:fs").statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile();
}

function open(path: string): number {
  try {
    return openSync(path, "w", 0o600);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError({
      kind: "invalidArgument",
      code: "CLI_FILE_UNWRITABLE",
      message: `failed to export container: ${reason}`,
      cause: error,
    });
  }
}
