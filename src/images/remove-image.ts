import { createHash } from "node:crypto";
import type { DiffId, ImageId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import { shortId } from "../core/ids.ts";
import {
  countChildren,
  deleteImage,
  deleteReference,
  getImage,
  type ImageRow,
  listReferences,
  listUnusedLayers,
} from "../state/image-rows.ts";
import { listImageUsers } from "../state/image-users.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ImageHost } from "./image-host.ts";
import { canonicalReference, familiarReference, parseReference } from "./reference.ts";
import { findImage } from "./resolve-image.ts";

export type RemovedPart = { readonly untagged: string } | { readonly deleted: string };

/**
 * Removes a reference and, when it was the last, the image with its layers and the untagged parents that nothing else needs
 * (`noPrune` keeps those). By id: all references, if they are of one repository. What goes and what conflicts is Docker's rule;
 * layers of existing containers stay whatever happens to the image.
 * @throws {EngineError} IMAGE_NOT_FOUND, IMAGE_IN_USE
 * @see moby, daemon/images/image_delete.go
 */
export async function removeImage(
  host: ImageHost,
  reference: string,
  options: { readonly force?: boolean; readonly noPrune?: boolean } = {},
): Promise<RemovedPart[]> {
  const parts = host.store.evenWhenFull(() =>
    host.store.durably(() => {
      const removal = new Removal(host, options.force === true, options.noPrune !== true);
      removal.run(reference);
      return removal.parts;
    }),
  );
  faultPoint("image-row-deleted");
  await collectGarbage(host);
  return parts;
}

/** Of rows, inside one transaction; what is then left of files is garbage. */
class Removal {
  readonly parts: RemovedPart[] = [];
  readonly #host: ImageHost;
  readonly #force: boolean;
  readonly #prune: boolean;

  constructor(host: ImageHost, force: boolean, prune: boolean) {
    this.#host = host;
    this.#force = force;
    this.#prune = prune;
  }

  run(reference: string): void {
    const { store } = this.#host;
    const image = findImage(store, reference);
    const references = listReferences(store, image.id);
    if (!isIdOf(reference, image.id)) {
      this.#checkLastReference(image, references, reference);
      const canonical = canonicalReference(parseReference(reference));
      this.#untag(canonical);
      this.#untagDigests(image.id, canonical);
      if (listReferences(store, image.id).length > 0) return;
      this.#delete(image, { force: this.#force, quiet: true });
    } else {
      if (ofOneRepository(references)) {
        const conflict = this.#conflict(image, { soft: !this.#force, references: false });
        if (conflict !== undefined) throw conflict.error;
        for (const canonical of references) this.#untag(canonical);
      }
      this.#delete(image, { force: this.#force, quiet: false });
    }
  }

  /** After its last tag in a repository, an image's digests there say nothing any more. */
  #untagDigests(id: ImageId, removed: string): void {
    if (removed.includes("@")) return;
    const same = listReferences(this.#host.store, id).filter((reference) => repositoryOf(reference) === repositoryOf(removed));
    if (!same.every((reference) => reference.includes("@"))) return;
    for (const canonical of same) this.#untag(canonical);
  }

  #checkLastReference(image: ImageRow, references: readonly string[], reference: string): void {
    const [user] = listImageUsers(this.#host.store, image.id);
    if (this.#force || !ofOneRepository(references) || user === undefined) return;
    throw inUse(
      `conflict: unable to remove repository reference "${reference}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
    );
  }

  #untag(canonical: string): void {
    deleteReference(this.#host.store, canonical);
    this.parts.push({ untagged: familiarReference(canonical) });
  }

  #delete(image: ImageRow, options: { readonly force: boolean; readonly quiet: boolean }): void {
    const { store } = this.#host;
    const conflict = this.#conflict(image, { soft: !options.force, references: true });
    if (conflict !== undefined) {
      // A reference is gone already; that the image stays is news only if nothing else explains it.
      if (options.quiet && (conflict.used || !this.#isDangling(image.id))) return;
      throw conflict.error;
    }
    for (const canonical of listReferences(store, image.id)) this.#untag(canonical);
    deleteImage(store, image.id);
    this.parts.push({ deleted: image.id });
    const unused = new Set(listUnusedLayers(store));
    const chain = chainIds(image.layers);
    for (const [index, diffId] of [...image.layers.entries()].reverse()) {
      if (unused.has(diffId)) this.parts.push({ deleted: chain[index] ?? diffId });
    }
    const parent = image.parent === "" ? undefined : getImage(store, image.parent);
    if (this.#prune && parent !== undefined) this.#delete(parent, { force: false, quiet: true });
  }

  #isDangling(id: ImageId): boolean {
    return listReferences(this.#host.store, id).length === 0 && countChildren(this.#host.store, id) === 0;
  }

  #conflict(
    image: ImageRow,
    check: { readonly soft: boolean; readonly references: boolean },
  ): { readonly error: EngineError; readonly used: boolean } | undefined {
    const { store } = this.#host;
    const conflict = (force: string, why: string, used: boolean) => ({
      error: inUse(`conflict: unable to delete ${shortId(image.id)} (${force}) - ${why}`),
      used,
    });
    if (countChildren(store, image.id) > 0) return conflict("cannot be forced", "image has dependent child images", false);
    const users = listImageUsers(store, image.id);
    const running = users.find((user) => user.running);
    if (running !== undefined) return conflict("cannot be forced", `image is being used by running container ${shortId(running.id)}`, true);
    if (!check.soft) return undefined;
    if (check.references && listReferences(store, image.id).length > 0) {
      return conflict("must be forced", "image is referenced in multiple repositories", false);
    }
    const [stopped] = users;
    if (stopped !== undefined) return conflict("must be forced", `image is being used by stopped container ${shortId(stopped.id)}`, true);
    return undefined;
  }
}

function inUse(message: string): EngineError {
  return new EngineError({ kind: "conflict", code: "IMAGE_IN_USE", message });
}

function isIdOf(reference: string, id: ImageId): boolean {
  return id.startsWith(reference) || id.slice("sha256:".length).startsWith(reference);
}

function ofOneRepository(references: readonly string[]): boolean {
  const tags = references.filter((reference) => !reference.includes("@"));
  return tags.length <= 1 && new Set(references.map(repositoryOf)).size <= 1;
}

function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}

/** @see image-spec config.md#layer-chainid */
export function chainIds(diffIds: readonly DiffId[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`);
  }
  return chain;
}
