import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { EngineError } from "../../core/engine-error.ts";
import { errnoText } from "../../core/errno.ts";
import type { ArchiveInput, LoadedImage } from "../../engine/engine.ts";
import { stringFlag, switchFlag } from "../flags/flag-spec.ts";
import { readChunks } from "../terminal/stdin-reader.ts";
import { withTransfer } from "../transfer/with-transfer.ts";
import { defineVerb } from "../verb.ts";

export const loadVerb = defineVerb({
  usage: "[OPTIONS]",
  summary: "Load an image from a tar archive or STDIN",
  details: "The archive is what save writes, docker's or an OCI layout, compressed or not.",
  aliases: ["wherry image load", "wherry load"],
  flags: {
    input: stringFlag("Read from tar archive file, instead of STDIN", { short: "i" }),
    platform: stringFlag('Load only the given platform variant (e.g., "linux/amd64")'),
    quiet: switchFlag("Suppress the load output", { short: "q" }),
  },
  minArguments: 0,
  maxArguments: 0,
  async run(context, { values }) {
    const { platform } = values;
    const fd = values.input === undefined ? context.stdinFd : open(values.input);
    try {
      if (values.input === undefined && isatty(fd)) {
        throw new EngineError({
          kind: "invalidArgument",
          code: "CLI_ARCHIVE_TERMINAL",
          message: "requested load from stdin, but stdin is empty",
        });
      }
      const { images } = await context.engine();
      // Docker shows layers on a terminal only.
      const view = !values.quiet && isatty(context.stdout.fd) ? { sink: context.stdout } : {};
      const loaded: LoadedImage[] = [];
      const options = { onLoaded: (image: LoadedImage) => loaded.push(image), ...(platform === undefined ? {} : { platform }) };
      try {
        await withTransfer(context, { direction: "load", ...view }, ({ credentials: _unused, ...transfer }) =>
          images.load(inputOf(fd), { ...transfer, ...options }),
        );
      } finally {
        await context.stdout.write(loaded.map(describeLoaded).join(""));
      }
      return 0;
    } finally {
      if (values.input !== undefined) closeSync(fd);
    }
  },
});

/** Docker's words. */
function describeLoaded({ id, references, taken }: LoadedImage): string {
  const lines = taken.map(
    ({ reference, from }) => `The image ${reference} already exists, renaming the old one with ID ${from} to empty string`,
  );
  for (const reference of references) lines.push(`Loaded image: ${reference}`);
  if (references.length === 0) lines.push(`Loaded image ID: ${id}`);
  return `${lines.join("\n")}\n`;
}

/** A file that is read from its start can be read anywhere; anything else passes by. */
function inputOf(fd: number): ArchiveInput {
  const seekable = isFile(fd) && /^pos:\s*0$/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
  return seekable ? { fd } : readChunks(fd, { own: true });
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    // Closed from the start (`<&-`): there is nothing to read.
    return false;
  }
}

function open(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    const { errno } = cause as NodeJS.ErrnoException;
    throw unreadable(path, errno === undefined ? String(cause) : errnoText(Math.abs(errno)), cause);
  }
  if (!fstatSync(fd).isDirectory()) return fd;
  closeSync(fd);
  throw unreadable(path, `it is a directory; pack it first: tar -C ${path} -c . | wherry load`);
}

function unreadable(path: string, reason: string, cause?: unknown): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "CLI_FILE_UNREADABLE",
    message: `open the archive \`${path}\`: ${reason}`,
    cause,
  });
}
