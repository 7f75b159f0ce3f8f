import { closeSync, openSync } from "node:fs";
import { EngineError } from "../../core/engine-error.ts";
import { errnoText } from "../../core/errno.ts";
import { listFlag, stringFlag } from "../flags/flag-spec.ts";
import { readChunks } from "../terminal/stdin-reader.ts";
import { defineVerb } from "../verb.ts";

export const importVerb = defineVerb({
  usage: "[OPTIONS] file|- [REPOSITORY[:TAG]]",
  summary: "Import the contents from a tarball to create a filesystem image",
  details: "The tarball holds a root file system, compressed or not; - reads it from standard input.",
  aliases: ["wherry image import", "wherry import"],
  flags: {
    change: listFlag("Apply Dockerfile instruction to the created image", { short: "c" }),
    message: stringFlag("Set commit message for imported image", { short: "m" }),
    platform: stringFlag("Set platform of the image (os/arch)"),
  },
  minArguments: 1,
  maxArguments: 2,
  async run(context, { values, positionals: [source = "", reference] }) {
    const file = openSource(source, context.stdinFd);
    try {
      const { images } = await context.engine();
      const id = await images.import(readChunks(file.fd, { own: true }), {
        ...(reference === undefined ? {} : { reference }),
        ...(values.message === undefined ? {} : { message: values.message }),
        ...(values.change.length === 0 ? {} : { changes: values.change }),
        ...(values.platform === undefined ? {} : { platform: values.platform }),
      });
      await context.stdout.write(`${id}\n`);
      return 0;
    } finally {
      file.close();
    }
  },
});

function openSource(source: string, stdinFd: number): { readonly fd: number; close(): void } {
  if (source === "-") return { fd: stdinFd, close: () => {} };
  if (/^https?:\/\//.test(source)) {
    throw new EngineError({
      kind: "notImplemented",
      code: "NOT_IMPLEMENTED",
      message: `importing from a URL is not implemented yet: curl -L ${source} | wherry import -`,
    });
  }
  try {
    const fd = openSync(source, "r");
    return { fd, close: () => closeSync(fd) };
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    const reason = errno === undefined ? String(error) : errnoText(Math.abs(errno));
    throw new EngineError({
      kind: "invalidArgument",
      code: "CLI_FILE_UNREADABLE",
      message: `open the archive \`${source}\`: ${reason}`,
      cause: error,
    });
  }
}
