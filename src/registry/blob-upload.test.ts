import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf, fail } from "../../test/fakes/fake-registry.ts";
import { pushBlob, type PushedBlob } from "./blob-upload.ts";
import { RegistryClient } from "./registry-client.ts";
import { Repository } from "./repository.ts";

const blob = Buffer.from("0123456789".repeat(100_000));
const descriptor = { digest: digestOf(blob), sizeBytes: blob.length };
const partBytes = 400_000;
const session = "/v2/app/blobs/uploads/one?state=x";

/** Takes uploads as the specification has it; the faults are the test's. */
class UploadServer {
  readonly server: Server = createServer((request, response) => void this.#handle(request, response));
  readonly requests: string[] = [];
  connections = 0;
  /** Repositories with their blobs. */
  readonly stored = new Map<string, Map<string, Buffer>>([["other", new Map()]]);
  received = Buffer.alloc(0);
  /** Cut the connection after this many bytes of a body, once. */
  cutAfter = Number.POSITIVE_INFINITY;
  refuseWith = 0;
  /** So many parts of uploads are answered 401, before they have come. */
  expired = 0;
  /** The upload is complete, and nobody hears of it. */
  loseAnswer = false;

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "" } = request;
    this.requests.push(`${method} ${path.replace(/sha256:[0-9a-f]+|sha256%3A[0-9a-f]+/, "DIGEST")}`);
    const url = new URL(path, "http://x");
    const isPart = method === "PATCH" || method === "PUT";
    if (isPart && this.expired-- > 0) {
      return void response.writeHead(401, { "www-authenticate": "Basic realm=x", "content-length": "0" }).end();
    }
    if (this.refuseWith > 0 && isPart) return fail(response, this.refuseWith, "DENIED");
    if (method === "HEAD")
      return void response.writeHead(this.stored.get("app")?.has(descriptor.digest) === true ? 200 : 404, { "content-length": "0" }).end();
    if (method === "POST") {
      const from = this.stored.get(url.searchParams.get("from") ?? "");
      const mounted = from?.has(url.searchParams.get("mount") ?? "") === true;
      return void response.writeHead(mounted ? 201 : 202, { location: session, "content-length": "0" }).end();
    }
    if (isPart) {
      const last = method === "PUT" ? blob.length : Math.min(this.received.length + partBytes, blob.length);
      expect(request.headers["content-range"]).toBe(last === this.received.length ? undefined : `${this.received.length}-${last - 1}`);
      for await (const chunk of request as AsyncIterable<Buffer>) {
        this.received = Buffer.concat([this.received, chunk]);
        if (this.received.length < this.cutAfter) continue;
        this.cutAfter = Number.POSITIVE_INFINITY;
        return void request.socket.destroy();
      }
    }
    if (method === "PATCH") {
      const range = `0-${this.received.length - 1}`;
      return void response.writeHead(202, { location: session, range, "content-length": "0" }).end();
    }
    if (method === "GET") return void response.writeHead(204, { location: session, range: `0-${this.received.length - 1}` }).end();
    if (digestOf(this.received) !== url.searchParams.get("digest")) return fail(response, 400, "DIGEST_INVALID");
    this.stored.set("app", new Map([[descriptor.digest, this.received]]));
    if (this.loseAnswer) {
      this.loseAnswer = false;
      return void request.socket.destroy();
    }
    response.writeHead(201, { "content-length": "0" }).end();
  }
}

let uploads: UploadServer;
let client: RegistryClient;

beforeEach(async () => {
  uploads = new UploadServer();
  uploads.server.on("connection", () => uploads.connections++);
  uploads.server.listen(0, "127.0.0.1");
  await once(uploads.server, "listening");
  const url = `http://127.0.0.1:${(uploads.server.address() as AddressInfo).port}`;
  const retries = { attempts: 3, firstMs: 1, mostMs: 2, longestRetryAfterMs: 10 };
  const credentials = { username: "jane", password: "secret" };
  client = new RegistryClient({
    credentials,
    host: { name: "test", endpoints: [{ url, tls: {}, insecure: true, mirror: false }] },
    retries,
  });
});

afterEach(async () => {
  client[Symbol.dispose]();
  uploads.server.closeAllConnections();
  uploads.server.close();
  await once(uploads.server, "close");
});

function push(options: { readonly mountFrom?: readonly string[]; readonly bytes?: Buffer } = {}): Promise<PushedBlob> {
  const bytes = options.bytes ?? blob;
  return pushBlob(new Repository(client, "app"), {
    descriptor,
    mountFrom: options.mountFrom ?? [],
    partBytes,
    read: async function* (start, end) {
      for (let at = start; at < end; at += 65_536) yield bytes.subarray(at, Math.min(at + 65_536, end));
    },
  });
}

describe("pushBlob()", () => {
  test("sends what is not there, in order, over one connection", async () => {
    expect(await push()).toBe("pushed");
    expect(uploads.connections).toBe(1);
    expect(uploads.received.equals(blob)).toBe(true);
    expect(uploads.requests).toEqual([
      "HEAD /v2/app/blobs/DIGEST",
      "POST /v2/app/blobs/uploads/",
      `PATCH ${session}`,
      `PATCH ${session}`,
      `PUT ${session}&digest=DIGEST`,
    ]);
  });

  test("sends nothing that is there, and mounts what another repository has", async () => {
    uploads.stored.get("other")?.set(descriptor.digest, blob);
    expect(await push({ mountFrom: ["other"] })).toEqual({ mountedFrom: "other" });
    uploads.stored.set("app", new Map([[descriptor.digest, blob]]));
    expect(await push({ mountFrom: ["other"] })).toBe("exists");
    expect(uploads.received.length).toBe(0);
  });

  test("uploads after all when the other repository does not have it any more", async () => {
    expect(await push({ mountFrom: ["other"] })).toBe("pushed");
    expect(uploads.received.equals(blob)).toBe(true);
  });

  test.each([300_000, 450_000, 900_000, 999_999])("goes on where a connection was cut after %p bytes", async (bytes) => {
    uploads.cutAfter = bytes;
    expect(await push()).toBe("pushed");
    expect(uploads.received.equals(blob)).toBe(true);
    expect(uploads.requests).toContain(`GET ${session}`);
  });

  test("asks whether all has arrived when the last answer was lost", async () => {
    uploads.loseAnswer = true;
    expect(await push()).toBe("pushed");
    expect(uploads.requests.filter((request) => request.startsWith("PUT"))).toHaveLength(1);
  });

  test("sends a part again that came with credentials no longer good", async () => {
    uploads.expired = 1;
    expect(await push()).toBe("pushed");
    expect(uploads.received.equals(blob)).toBe(true);
  });

  test("tells a refusal, at once, though the body is not sent to its end", async () => {
    uploads.refuseWith = 403;
    expect(await push().catch((error: unknown) => error)).toMatchObject({ code: "REGISTRY_DENIED" });
    expect(uploads.requests.filter((request) => request.startsWith("PATCH"))).toHaveLength(1);
  });

  test("tells when what it sent is not what it announced", async () => {
    const wrong = Buffer.alloc(blob.length, "x");
    expect(await push({ bytes: wrong }).catch((error: unknown) => error)).toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining("digest invalid"),
    });
  });
});
