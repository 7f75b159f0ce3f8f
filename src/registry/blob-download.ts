import type { BlobDescriptor } from "../content/blob-writer.ts";
import { EngineError } from "../core/engine-error.ts";
import type { HttpResponse } from "./http-transport.ts";
import type { RegistryClient } from "./registry-client.ts";
import { protocolError } from "./registry-error.ts";

export interface BlobSource {
  /** The repository. */
  readonly path: string;
  readonly descriptor: BlobDescriptor;
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** After so many bytes without a failure, earlier ones don't count any more. */
const forgivenAfterBytes = 1024 * 1024;

/**
 * The bytes of one blob, each once and in order, at most as many as its descriptor says. A connection that breaks off is opened again
 * where it ended (Range); a server that doesn't know ranges sends from the beginning, and what was had already is passed over. The digest
 * is the reader's to check. Iterated once.
 */
export class BlobDownload implements AsyncIterable<Uint8Array> {
  readonly #client: RegistryClient;
  readonly #source: BlobSource;
  readonly #doing: string;

  constructor(client: RegistryClient, source: BlobSource) {
    this.#client = client;
    this.#source = source;
    this.#doing = `pull blob \`${source.descriptor.digest}\``;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { descriptor, signal } = this.#source;
    let had = 0;
    let hadAtFailure = 0;
    for (let attempt = 2; had < descriptor.sizeBytes; attempt++) {
      try {
        for await (const chunk of this.#from(had)) {
          had += chunk.length;
          yield chunk;
        }
        if (had < descriptor.sizeBytes) throw cutShort(this.#doing, had, descriptor.sizeBytes);
      } catch (error) {
        signal?.throwIfAborted();
        if (had - hadAtFailure >= forgivenAfterBytes) attempt = 2;
        hadAtFailure = had;
        await this.#client.pause(error, attempt, signal);
      }
    }
  }

  async *#from(start: number): AsyncGenerator<Uint8Array> {
    const { path, descriptor, scopes, signal } = this.#source;
    const response = await this.#client.request({
      method: "GET",
      target: `/v2/${path}/blobs/${descriptor.digest}`,
      scopes,
      ...(start === 0 ? {} : { headers: { range: `bytes=${start}-` } }),
      once: true,
      doing: this.#doing,
      signal,
    });
    let pass = await this.#bytesToPass(response, start);
    let left = descriptor.sizeBytes - start;
    for await (const received of response.body) {
      const passed = Math.min(pass, received.length);
      pass -= passed;
      const chunk = received.subarray(passed);
      left -= chunk.length;
      if (left < 0) throw tooLong(this.#doing, descriptor.sizeBytes);
      if (chunk.length > 0) yield chunk;
    }
  }

  /** How much of the body is known already. */
  async #bytesToPass(response: HttpResponse, start: number): Promise<number> {
    const { sizeBytes } = this.#source.descriptor;
    if (response.status === 206) {
      const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
      const isRight = Number(range?.[1] ?? -1) === start && [String(sizeBytes), "*"].includes(range?.[2] ?? "");
      if (isRight) return 0;
      await response.discard();
      throw protocolError(this.#doing, "the registry sends another range than asked for");
    }
    const length = response.headers["content-length"];
    if (length === undefined || Number(length) === sizeBytes) return start;
    await response.discard();
    if (Number(length) > sizeBytes) throw tooLong(this.#doing, sizeBytes);
    throw new EngineError({
      kind: "invalidArgument",
      code: "BLOB_DIGEST_MISMATCH",
      message: `${this.#doing}: the registry has ${length} bytes, its manifest says ${sizeBytes}`,
    });
  }
}

function tooLong(doing: string, sizeBytes: number): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "BLOB_TOO_LARGE",
    message: `${doing}: more than the ${sizeBytes} bytes announced`,
  });
}

function cutShort(doing: string, had: number, sizeBytes: number): EngineError {
  return new EngineError({
    kind: "unavailable",
    code: "REGISTRY_UNREACHABLE",
    message: `${doing}: cut short after ${had} of ${sizeBytes} bytes`,
    details: { transient: true },
  });
}
