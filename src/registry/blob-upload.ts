import type { BlobDescriptor } from "../content/blob-writer.ts";
import type { Digest } from "../core/brands.ts";
import type { HttpResponse } from "./http-transport.ts";
import { protocolError } from "./registry-error.ts";
import type { Repository } from "./repository.ts";

export interface BlobToPush {
  readonly descriptor: BlobDescriptor;
  /** Its bytes from an offset on; called again for each further try. */
  readonly read: (start: number, end: number) => AsyncIterable<Uint8Array>;
  /** The most to be sent in one request; 64 MiB when absent. */
  readonly partBytes?: number;
  /** Repositories of the same registry that may have it. */
  readonly mountFrom?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes are there, as they go out. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

export type PushedBlob = "exists" | { readonly mountedFrom: string } | "pushed";

/** Up to this much is sent again when a connection breaks off and the registry does not say how much has arrived. */
const defaultPartBytes = 64 * 1024 * 1024;

/**
 * Brings a blob into the repository: not at all when it is there, by mounting it from a repository that has it, else in parts, each
 * begun again where the registry says that it ended. The registry verifies the digest.
 * @throws {EngineError} REGISTRY_*; the signal's reason
 * @see distribution-spec, "Push"
 */
export async function pushBlob(repository: Repository, blob: BlobToPush): Promise<PushedBlob> {
  const { digest } = blob.descriptor;
  if (await repository.hasBlob(digest, blob.signal)) return "exists";
  for (const from of blob.mountFrom ?? []) {
    const answer = await begin(repository, blob, from);
    if (answer === "mounted") return { mountedFrom: from };
    await upload(repository, blob, answer);
    return "pushed";
  }
  const session = await begin(repository, blob);
  if (session !== "mounted") await upload(repository, blob, session);
  return "pushed";
}

/** Where the next bytes go. */
type Session = URL;

async function begin(repository: Repository, blob: BlobToPush, mountFrom?: string): Promise<Session | "mounted"> {
  const { client, name, pushScopes } = repository;
  const mount = mountFrom === undefined ? "" : `?mount=${encodeURIComponent(blob.descriptor.digest)}&from=${encodeURIComponent(mountFrom)}`;
  const doing = describe(blob.descriptor.digest);
  const response = await client.request({
    method: "POST",
    target: `/v2/${name}/blobs/uploads/${mount}`,
    scopes: mountFrom === undefined ? pushScopes : [...pushScopes, `repository:${mountFrom}:pull`],
    headers: { "content-length": "0" },
    doing,
    signal: blob.signal,
  });
  await response.discard();
  if (response.status === 201 && mountFrom !== undefined) return "mounted";
  return location(response, new URL(client.endpoint.url), doing);
}

async function upload(repository: Repository, blob: BlobToPush, first: Session): Promise<void> {
  const { client } = repository;
  const { digest, sizeBytes } = blob.descriptor;
  const doing = describe(digest);
  let session = first;
  let start = 0;
  let attempt = 2;
  for (;;) {
    const end = Math.min(start + (blob.partBytes ?? defaultPartBytes), sizeBytes);
    const isLast = end === sizeBytes;
    try {
      const response = await sendPart(repository, blob, { session, start, end });
      await response.discard();
      if (isLast) return;
      session = location(response, session, doing);
      start = end;
      attempt = 2;
    } catch (error) {
      blob.signal?.throwIfAborted();
      await client.pause(error, attempt++, blob.signal);
      // All may have arrived, and only the answer been lost.
      if (isLast && (await repository.hasBlob(digest, blob.signal))) return;
      const state = await where(repository, session, doing, blob.signal);
      session = state.session;
      start = Math.min(state.sent, sizeBytes);
    }
  }
}

/** The last part ends the upload, with the digest that all of it must have. */
async function sendPart(
  repository: Repository,
  blob: BlobToPush,
  part: { readonly session: Session; readonly start: number; readonly end: number },
): Promise<HttpResponse> {
  const { session, start, end } = part;
  const { digest, sizeBytes } = blob.descriptor;
  const isLast = end === sizeBytes;
  const target = new URL(session);
  if (isLast) target.searchParams.set("digest", digest);
  return await repository.client.request({
    method: isLast ? "PUT" : "PATCH",
    target,
    scopes: repository.pushScopes,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(end - start),
      ...(end === start ? {} : { "content-range": `${start}-${end - 1}` }),
    },
    ...(end === start ? {} : { body: () => counted(blob, start, end) }),
    once: true,
    isSlow: isLast,
    doing: describe(digest),
    signal: blob.signal,
  });
}

/** How much of an upload has arrived. @see distribution-spec, "Pushing a blob in chunks" */
async function where(
  repository: Repository,
  session: Session,
  doing: string,
  signal?: AbortSignal,
): Promise<{ session: Session; sent: number }> {
  const response = await repository.client.request({ method: "GET", target: session, scopes: repository.pushScopes, doing, signal });
  await response.discard();
  const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers["range"] ?? "")?.[1];
  if (last === undefined) throw protocolError(doing, "the registry does not say how much has arrived");
  // `0-0` is sent for an empty upload, too; a single byte sent twice is refused, an upload that misses one as well.
  const sent = last === "0" ? 0 : Number(last) + 1;
  return { session: location(response, session, doing), sent };
}

async function* counted(blob: BlobToPush, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = start;
  for await (const chunk of blob.read(start, end)) {
    yield chunk;
    at += chunk.length;
    blob.onProgress?.(at);
  }
}

/** Uploads stay on the registry's own server: their address is as good as a password. */
function location(response: HttpResponse, from: URL, doing: string): URL {
  const given = response.headers.location;
  const url = given === undefined ? (response.status === 204 ? from : null) : URL.parse(given, from.href);
  if (url === null || !/^https?:$/.test(url.protocol)) throw protocolError(doing, "the registry names no place to upload to");
  // Behind a proxy that adds TLS, a registry takes itself for a plain one.
  if (url.host === from.host) url.protocol = from.protocol;
  return url;
}

function describe(digest: Digest): string {
  return `push blob \`${digest}\``;
}
