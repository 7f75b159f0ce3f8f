import type { ArchivedImage } from "./archive-images.ts";
import { type ImageArchive, invalidArchive, maxDocumentBytes, missingFile } from "./image-archive.ts";
import { type JsonValue, parseJsonDocument } from "./json-document.ts";
import { canonicalReference, type ImageReference, parseReference } from "./reference.ts";

/** What docker's first images knew of themselves and a configuration does not hold. @see moby, image/v1/imagev1.go: MakeConfigFromV1Config */
const forgotten = ["id", "parent", "Size", "parent_id", "layer_id", "throwaway"];
const maxChain = 500;

/**
 * The images of `repositories`, as docker before 1.10 wrote them: each layer's directory has its description, which names its parent, and the
 * names are of topmost ones. Their configurations are made as docker makes them, from the layers, which are taken in for it.
 * @throws {EngineError} IMAGE_INVALID, ARCHIVE_INVALID, INVALID_REFERENCE, what `ImageArchive.layer` throws
 */
export async function readLegacyImages(archive: ImageArchive, repositories: Buffer, signal?: AbortSignal): Promise<ArchivedImage[]> {
  const names = new Map<string, ImageReference[]>();
  for (const [repository, tags] of parseJsonDocument(repositories, "`repositories`", maxDocumentBytes).entries()) {
    for (const [tag, id] of tags.entries()) {
      const top = id.string();
      const parsed = { ...parseReference(repository), tag };
      names.set(top, [...(names.get(top) ?? []), parseReference(canonicalReference(parsed))]);
    }
  }
  const images: ArchivedImage[] = [];
  for (const [top, references] of names) {
    const chain = await readChain(archive, top);
    const layers = chain.map(({ id }) => `${id}/layer.tar`);
    const diffIds: string[] = [];
    for (const path of layers) diffIds.push((await archive.layer(path, signal === undefined ? {} : { signal })).row.diffId);
    images.push({ config: makeConfig(chain, diffIds), references, layers });
  }
  return images;
}

interface Step {
  readonly id: string;
  readonly description: JsonValue;
}

/** Bottom first. */
async function readChain(archive: ImageArchive, top: string): Promise<Step[]> {
  const chain: Step[] = [];
  for (let id: string | undefined = top; id !== undefined && id !== ""; ) {
    if (!/^[0-9a-f]{64}$/.test(id)) throw invalidArchive(`\`${id}\` is no image's id`);
    if (chain.length >= maxChain) throw invalidArchive(`the image \`${top}\` has more than ${maxChain} parents, or is its own`);
    const json = await archive.read(`${id}/json`);
    if (json === undefined) throw missingFile(`${id}/json`);
    const description = parseJsonDocument(json, `\`${id}/json\``, maxDocumentBytes);
    chain.push({ id, description });
    id = description.field("parent").optionalString();
  }
  return chain.reverse();
}

function makeConfig(chain: readonly Step[], diffIds: readonly string[]): Buffer {
  const top = chain.at(-1)?.description;
  const config = Object.fromEntries(top?.entries().map(([name, { value }]) => [name, value]) ?? []);
  for (const name of forgotten) delete config[name];
  config["rootfs"] = { type: "layers", diff_ids: diffIds };
  config["history"] = chain.map(({ description }) => historyOf(description));
  return Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)))));
}

function historyOf(description: JsonValue): object {
  const container = description.field("container_config");
  const command = container.isAbsent ? [] : container.field("Cmd").items();
  const text = (name: string) => {
    const found = description.field(name).optionalString();
    return found === undefined || found === "" ? {} : { [name]: found };
  };
  return {
    ...text("created"),
    ...text("author"),
    ...(command.length === 0 ? {} : { created_by: command.map((word) => word.string()).join(" ") }),
    ...text("comment"),
  };
}
