import { createHash } from "node:crypto";
import type { BlobDescriptor } from "../content/blob-writer.ts";
import type { Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { BlobDownload } from "./blob-download.ts";
import { listPages } from "./list-pages.ts";
import type { RegistryClient } from "./registry-client.ts";

export interface ReceivedManifest {
  readonly bytes: Buffer;
  /** Of these bytes, computed here. */
  readonly digest: Digest;
  readonly mediaType: string;
}

/** OCI's and docker's manifests and indexes. */
const acceptedManifests = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const manifestLimitBytes = 4 * 1024 * 1024;

/** One repository of a registry. `name` without the registry: `library/debian`. */
export class Repository {
  readonly client: RegistryClient;
  readonly name: string;
  readonly #pull: readonly string[];
  readonly #push: readonly string[];

  constructor(client: RegistryClient, name: string) {
    this.client = client;
    this.name = name;
    this.#pull = [`repository:${name}:pull`];
    this.#push = [`repository:${name}:pull,push`];
  }

  /** What a request that writes asks for. */
  get pushScopes(): readonly string[] {
    return this.#push;
  }

  /**
   * A manifest or index by tag or digest; by digest it is verified, by tag compared with the digest that the registry states.
   * @throws {EngineError} REGISTRY_*, BLOB_DIGEST_MISMATCH
   */
  async manifest(reference: string, signal?: AbortSignal): Promise<ReceivedManifest> {
    const doing = `pull manifest of \`${this.#shown(reference)}\``;
    const response = await this.client.request({
      method: "GET",
      target: `/v2/${this.name}/manifests/${reference}`,
      scopes: this.#pull,
      headers: { accept: acceptedManifests },
      doing,
      signal,
    });
    const bytes = await response.read(manifestLimitBytes);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
    const stated = response.headers["docker-content-digest"];
    const expected = reference.includes(":") ? reference : typeof stated === "string" && stated.startsWith("sha256:") ? stated : digest;
    if (expected !== digest) {
      throw new EngineError({
        kind: "invalidArgument",
        code: "BLOB_DIGEST_MISMATCH",
        message: `${doing}: the ${bytes.length} bytes received are \`${digest}\`, not \`${expected}\``,
      });
    }
    return { bytes, digest, mediaType: response.headers["content-type"] ?? "" };
  }

  /** The digest that a tag or digest has in the registry, without its manifest; undefined when it is not there. */
  async manifestDigest(reference: string, signal?: AbortSignal): Promise<Digest | undefined> {
    const response = await this.client.request({
      method: "HEAD",
      target: `/v2/${this.name}/manifests/${reference}`,
      scopes: this.#pull,
      headers: { accept: acceptedManifests },
      accept: [404],
      doing: `look up \`${this.#shown(reference)}\``,
      signal,
    });
    await response.discard();
    const stated = response.headers["docker-content-digest"];
    return response.status === 404 || typeof stated !== "string" ? undefined : (stated as Digest);
  }

  /** A blob's bytes, resumed where the connection breaks off. Its digest is the reader's to check. */
  blob(descriptor: BlobDescriptor, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return new BlobDownload(this.client, { path: this.name, descriptor, scopes: this.#pull, signal });
  }

  async hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean> {
    const response = await this.client.request({
      method: "HEAD",
      target: `/v2/${this.name}/blobs/${digest}`,
      scopes: this.#push,
      accept: [404],
      doing: `look for blob \`${digest}\``,
      signal,
    });
    await response.discard();
    return response.status !== 404;
  }

  /** Stores the bytes as they are under a tag or their digest, whose blobs are all there. */
  async putManifest(
    reference: string,
    manifest: { readonly bytes: Uint8Array; readonly mediaType: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const response = await this.client.request({
      method: "PUT",
      target: `/v2/${this.name}/manifests/${reference}`,
      scopes: this.#push,
      headers: { "content-type": manifest.mediaType },
      body: manifest.bytes,
      doing: `push manifest of \`${this.#shown(reference)}\``,
      signal,
    });
    await response.discard();
  }

  /** All tags, in the registry's order, page by page. */
  async tags(signal?: AbortSignal): Promise<readonly string[]> {
    const doing = `list tags of \`${this.client.host.name}/${this.name}\``;
    return await listPages(this.client, "tags", { target: `/v2/${this.name}/tags/list?n=1000`, scopes: this.#pull, doing, signal });
  }

  #shown(reference: string): string {
    return `${this.client.host.name}/${this.name}${reference.includes(":") ? "@" : ":"}${reference}`;
  }
}
