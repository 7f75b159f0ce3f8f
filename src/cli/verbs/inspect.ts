import { printableJson } from "../../core/printable.ts";
import { EngineError } from "../../core/engine-error.ts";
import { invalidOption } from "../../core/invalid-option.ts";
import type { CliContext } from "../cli-context.ts";
import { containerJson } from "../docker-json/container-json.ts";
import { imageJson } from "../docker-json/image-json.ts";
import { volumeJson } from "../docker-json/volume-json.ts";
import { stringFlag, switchFlag } from "../flags/flag-spec.ts";
import { itemFormatFlag } from "../format/format-flag.ts";
import { formatOne } from "../format/format-list.ts";
import { defineVerb } from "../verb.ts";

type Kind = "container" | "image" | "volume";

export const inspectVerb = defineVerb({
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Return low-level information on containers, images and volumes",
  flags: {
    format: itemFormatFlag,
    size: switchFlag("Display total file sizes if the type is container", { short: "s" }),
    type: stringFlag("Only inspect objects of the given type (container, image or volume)"),
  },
  minArguments: 1,
  async run(context, { values, positionals }) {
    const { type = "" } = values;
    if (type !== "" && type !== "container" && type !== "image" && type !== "volume")
      throw invalidOption(`"${type}" is not a valid value for --type: use container, image or volume`);
    return await inspectAll(context, positionals, {
      kinds: type === "" ? ["container", "image", "volume"] : [type],
      size: values.size,
      format: values.format,
    });
  },
});

export const inspectContainerVerb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Display detailed information on one or more containers",
  flags: { format: itemFormatFlag, size: switchFlag("Display total file sizes", { short: "s" }) },
  minArguments: 1,
  run: (context, { values, positionals }) =>
    inspectAll(context, positionals, { kinds: ["container"], size: values.size, format: values.format }),
});

export const inspectImageVerb = defineVerb({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Display detailed information on one or more images",
  flags: { format: itemFormatFlag },
  minArguments: 1,
  run: (context, { values, positionals }) => inspectAll(context, positionals, { kinds: ["image"], size: false, format: values.format }),
});

interface Wanted {
  /** In the order in which they are tried. */
  readonly kinds: readonly Kind[];
  readonly size: boolean;
  readonly format: string | undefined;
}

/** As docker: what was found is printed, then what was not found is told, and the exit code is 1. */
export async function inspectAll(context: CliContext, references: readonly string[], wanted: Wanted): Promise<number> {
  const found: object[] = [];
  const errors: EngineError[] = [];
  for (const reference of references) {
    try {
      found.push(await inspectOne(context, reference, wanted));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      errors.push(error);
    }
  }
  const { format = "" } = wanted;
  const text =
    format === "" ? `${printableJson(JSON.stringify(found, undefined, 4))}\n` : found.map((item) => formatOne(item, format)).join("");
  await context.stdout.write(text);
  for (const error of errors) await context.stderr.write(`wherry: ${error.message}\n`);
  return errors.length === 0 ? 0 : 1;
}

async function inspectOne(context: CliContext, reference: string, { kinds, size }: Wanted): Promise<object> {
  const engine = await context.engine();
  for (const kind of kinds) {
    try {
      if (kind === "container") return containerJson(await engine.containers.inspect(reference, { size }));
      if (kind === "image") return imageJson(await engine.images.inspect(reference));
      return volumeJson(await engine.volumes.inspect(reference));
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === "notFound" && kinds.length > 1)) throw error;
    }
  }
  throw new EngineError({ kind: "notFound", code: "CONTAINER_NOT_FOUND", message: `No such object: ${reference}` });
}
