import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { run } from "./image-root.ts";
import { makeImageArchive } from "./engine-image.ts";
import type { WherryHost } from "./wherry-host.ts";

/** An image as both sides must have it. */
export interface SeenImage {
  readonly id: string;
  /** Diff ids. */
  readonly layers: readonly string[];
  readonly env: readonly string[];
}

/** What `inspect` says of it, in the words that docker, podman and wherry share. */
export function readInspected(json: string): SeenImage {
  const [image] = JSON.parse(json) as { Id: string; RootFS: { Layers: string[] }; Config: { Env: string[] | null } }[];
  if (image === undefined) throw new Error("inspect told nothing");
  return { id: image.Id.replace(/^(sha256:)?/, "sha256:"), layers: image.RootFS.Layers, env: image.Config.Env ?? [] };
}

export async function inspectImage(host: WherryHost, reference: string): Promise<SeenImage> {
  return readInspected(await host.ok(["image", "inspect", reference]));
}

/** `wherry:1` and `wherry:2`, which has a layer more that hides a file and adds another. */
export async function makeTwoImages(host: WherryHost): Promise<void> {
  await host.ok(["import", "--change", "ENV WHO=wherry", "--change", 'CMD ["sh"]', makeImageArchive(host.directory), "wherry:1"]);
  await host.ok(["run", "--network", "none", "--name", "change", "wherry:1", "sh", "-c", "echo two > /added; echo x > /tmp/y"]);
  await host.ok(["commit", "--change", "LABEL step=two", "change", "wherry:2"]);
  await host.ok(["rm", "change"]);
}

/** The directory of an OCI layout made from an archive. */
export function unpackLayout(archive: string, directory: string): string {
  mkdirSync(directory, { recursive: true });
  run("tar", "-C", directory, "-xf", archive);
  return directory;
}

/** A layer's tar for `umoci raw add-layer`, with one file. */
export function makeLayerTar(directory: string): string {
  writeFileSync(`${directory}/from-umoci`, "umoci\n");
  run("tar", "-C", directory, "--owner=0", "--group=0", "-cf", `${directory}/layer.tar`, "from-umoci");
  return `${directory}/layer.tar`;
}

/** The digests that an OCI layout's index names. */
export function digestsIn(layout: string): readonly string[] {
  const index = JSON.parse(readFileSync(`${layout}/index.json`, "utf8")) as { manifests: { digest: string }[] };
  return index.manifests.map(({ digest }) => digest);
}
