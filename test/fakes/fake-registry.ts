import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Digest } from "../../src/core/brands.ts";

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

export interface FakeBlob {
  readonly bytes: Buffer;
  readonly digest: Digest;
}

/** Answers a request, or leaves it to the registry (false). */
export type Interception = (request: IncomingMessage, response: ServerResponse) => boolean;

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const scope = /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.+)$/;

/** A registry in this process that behaves, until a test intercepts a request. Reading only. */
export class FakeRegistry implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>();
  /** By `NAME:TAG` and by digest. */
  readonly manifests = new Map<string, { readonly bytes: Buffer; readonly mediaType: string }>();
  readonly requests: FakeRequest[] = [];
  /** Asked first. */
  intercept: Interception = () => false;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.requests.push({
        method: request.method ?? "",
        path: request.url ?? "",
        authorization: request.headers.authorization,
        range: request.headers.range,
      });
      if (!this.intercept(request, response)) this.answer(request, response);
    });
  }

  static async start(): Promise<FakeRegistry> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FakeRegistry(server);
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  addBlob(bytes: Buffer): FakeBlob {
    const blob = { bytes, digest: digestOf(bytes) };
    this.blobs.set(blob.digest, bytes);
    return blob;
  }

  addManifest(name: string, document: object | Buffer, mediaType = manifestType): FakeBlob {
    const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
    const manifest = { bytes, mediaType };
    this.manifests.set(name, manifest);
    this.manifests.set(digestOf(bytes), manifest);
    return { bytes, digest: digestOf(bytes) };
  }

  /** An image of plain layers. Returns its manifest as a document, for a test to spoil. */
  addImage(name: string, layers: readonly Buffer[], os = "linux", architecture = process.arch === "x64" ? "amd64" : "arm64") {
    const blobs = layers.map((layer) => this.addBlob(layer));
    const config = this.addBlob(
      Buffer.from(JSON.stringify({ os, architecture, rootfs: { type: "layers", diff_ids: blobs.map(({ digest }) => digest) } })),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config.digest, size: config.bytes.length },
      layers: blobs.map(({ bytes, digest }) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: bytes.length })),
    };
    return { manifest, config, layers: blobs, ...this.addManifest(name, manifest) };
  }

  /** What a registry answers. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? "", "http://x");
    const [, name = "", kind = "", reference = ""] = scope.exec(pathname) ?? [];
    if (pathname === "/v2/") return void response.end("{}");
    if (kind === "manifests") {
      const manifest = this.manifests.get(reference.includes(":") ? reference : `${name}:${reference}`);
      if (manifest === undefined) return fail(response, 404, "MANIFEST_UNKNOWN");
      response.writeHead(200, { "content-type": manifest.mediaType, "docker-content-digest": digestOf(manifest.bytes) });
      return void response.end(manifest.bytes);
    }
    const bytes = this.blobs.get(reference);
    if (kind !== "blobs" || bytes === undefined) return fail(response, 404, "BLOB_UNKNOWN");
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const part = bytes.subarray(start);
    const range = start === 0 ? {} : { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(start === 0 ? 200 : 206, { "content-length": part.length, ...range });
    response.end(part);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

/** An error as registries send it. */
export function fail(response: ServerResponse, status: number, code: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] }));
}
