import { isatty } from "node:tty";
import { EngineError } from "../../core/engine-error.ts";
import type { ArchiveFormat } from "../../engine/engine.ts";
import { credentialsFrom } from "../credentials/registry-credentials.ts";
import { stringFlag } from "../flags/flag-spec.ts";
import { ArchiveFile } from "../output/archive-file.ts";
import { brokenPipeExitCode } from "../output/output-sink.ts";
import { defineVerb } from "../verb.ts";

const formats: readonly ArchiveFormat[] = ["docker", "oci", "both"];

export const saveVerb = defineVerb({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
  details:
    "The archive is an OCI layout and docker's at once: docker, podman, skopeo and others read it. The same images give the same bytes. " +
    "--format docker has layers decompressed, for programs that don't know zstd.",
  aliases: ["wherry image save", "wherry save"],
  flags: {
    format: stringFlag("Form of the archive: docker, oci or both (default both)"),
    platform: stringFlag('Save only if it is for this platform (e.g., "linux/amd64")'),
    output: stringFlag("Write to a file, instead of STDOUT", { short: "o" }),
  },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { format = "both" } = values;
    if (!isFormat(format)) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "CLI_FLAG_VALUE_INVALID",
        message: `invalid value "${format}" for flag --format: it is docker, oci or both`,
      });
    }
    if (values.output === undefined && isatty(context.stdout.fd)) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "CLI_ARCHIVE_TERMINAL",
        message: "cowardly refusing to save to a terminal. Use the -o flag or redirect",
      });
    }
    const { images } = await context.engine();
    const archive = await images.save(positionals, {
      format,
      ...(values.platform === undefined ? {} : { platform: values.platform }),
      credentials: credentialsFrom(context.env),
    });
    if (values.output === undefined) {
      for await (const chunk of archive) {
        await context.stdout.write(chunk);
        if (context.stdout.readerLeft) return brokenPipeExitCode;
      }
      return 0;
    }
    using file = ArchiveFile.create(values.output);
    for await (const chunk of archive) file.write(chunk);
    file.finish();
    return 0;
  },
});

function isFormat(text: string): text is ArchiveFormat {
  return formats.some((format) => format === text);
}
