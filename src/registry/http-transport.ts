import { Agent as HttpAgent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { rootCertificates } from "node:tls";
import { EngineError } from "../core/engine-error.ts";
import { type Proxy, proxyAuthorization, TunnelAgent } from "./proxy.ts";
import type { TlsSettings } from "./registry-endpoint.ts";
import { Watchdog } from "./watchdog.ts";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each try; an iterable is read as fast as the server takes it. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** What is being done, for errors: "pull blob `sha256:…`". */
  readonly doing: string;
  /** The server may have work to do before it answers: it is waited for longer. */
  readonly isSlow?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /**
   * Its bytes as sent, once. Ending the iteration early closes the connection. Fails, transiently, when the body is cut short or stalls.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body. @throws {EngineError} REGISTRY_PROTOCOL when it is longer than `limitBytes`. */
  read(limitBytes: number): Promise<Buffer>;
  /** Nobody wants the body. A short one is passed over, so that the connection can be used again; else that is closed. Never rejects. */
  discard(): Promise<void>;
}

export interface Timeouts {
  /** Until the connection is there and the response's head has arrived. */
  readonly headMs: number;
  /** In this time of waiting at least `stallBytes` must come or go: a peer that sends a byte now and then is a stalled one. */
  readonly stallMs: number;
  readonly stallBytes: number;
}

export const defaultTimeouts: Timeouts = { headMs: 30_000, stallMs: 30_000, stallBytes: 1024 };

/**
 * Requests to one origin, over kept-alive connections. Redirects are answers, not followed; compressed bodies stay so.
 * Errors are REGISTRY_UNREACHABLE and REGISTRY_TIMEOUT, with `details.transient` when another try may help; an aborted request rejects
 * with the signal's reason.
 */
export class HttpTransport implements Disposable {
  readonly #timeouts: Timeouts;
  readonly #proxy: Proxy | undefined;
  readonly #secure: boolean;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(origin: URL, options: { readonly tls: TlsSettings; readonly proxy?: Proxy | undefined; readonly timeouts?: Timeouts }) {
    this.#timeouts = options.timeouts ?? defaultTimeouts;
    this.#proxy = options.proxy;
    this.#secure = origin.protocol === "https:";
    const pool = { keepAlive: true, maxSockets: 16 };
    if (!this.#secure) this.#agent = new HttpAgent(pool);
    else {
      const settings = { ...pool, ...tlsOptions(options.tls) };
      this.#agent = this.#proxy === undefined ? new HttpsAgent(settings) : new TunnelAgent(settings, this.#proxy);
    }
  }

  /** Sends the request; resolves when the head of the response is there. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = this.#open(request);
    // Both stay for the connection's whole life: an error after the response must not end the program.
    outgoing.on("response", resolve);
    outgoing.on("error", (cause: Error) => reject(this.#failure(request, cause)));
    const onAbort = () => outgoing.destroy();
    request.signal?.addEventListener("abort", onAbort);
    const headMs = this.#timeouts.headMs * (request.isSlow === true ? slowFactor : 1);
    const head = new Watchdog(headMs, 1, () => outgoing.destroy(timeout(request.doing, "no answer", headMs)));
    try {
      const sent = this.#sendBody(outgoing, request, head);
      const incoming = await Promise.race([promise, sent.then(() => promise)]);
      sent.catch(() => undefined);
      incoming.once("close", () => request.signal?.removeEventListener("abort", onAbort));
      return this.#response(request, outgoing, incoming);
    } catch (error) {
      outgoing.destroy();
      promise.catch(() => undefined);
      request.signal?.removeEventListener("abort", onAbort);
      request.signal?.throwIfAborted();
      throw error;
    } finally {
      head[Symbol.dispose]();
    }
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #open(request: HttpRequest): ClientRequest {
    const { url, method } = request;
    const length = request.body instanceof Uint8Array ? { "content-length": String(request.body.length) } : {};
    const headers = { "accept-encoding": "identity", "user-agent": userAgent, ...length, ...request.headers };
    const target = {
      method,
      agent: this.#agent,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port,
      path: url.pathname + url.search,
    };
    if (this.#secure) return requestHttps({ ...target, headers });
    if (this.#proxy === undefined) return requestHttp({ ...target, headers });
    const { host, port } = this.#proxy;
    const through = { ...headers, host: url.host, ...proxyAuthorization(this.#proxy) };
    return requestHttp({ ...target, host, port, path: `${url.origin}${target.path}`, headers: through });
  }

  async #sendBody(outgoing: ClientRequest, request: HttpRequest, head: Watchdog): Promise<void> {
    const { body } = request;
    if (body === undefined || body instanceof Uint8Array) {
      outgoing.end(body);
      return;
    }
    const { stallMs, stallBytes } = this.#timeouts;
    const stalled = () => outgoing.destroy(timeout(request.doing, "the registry takes nothing more", stallMs));
    using stall = new Watchdog(stallMs, stallBytes, stalled);
    let resume: () => void = () => undefined;
    let isOver = false;
    const end = (): void => {
      isOver = true;
      resume();
    };
    outgoing.on("drain", () => resume());
    outgoing.on("close", end);
    // An answer before the end is a refusal: what follows would go nowhere.
    outgoing.on("response", end);
    head.rest();
    for await (const chunk of body()) {
      if (isOver) return;
      if (!outgoing.write(chunk)) {
        stall.wait();
        await new Promise<void>((resolve) => {
          resume = resolve;
        });
      }
      stall.progress(chunk.length);
    }
    outgoing.end();
    head.wait();
  }

  #response(request: HttpRequest, outgoing: ClientRequest, incoming: IncomingMessage): HttpResponse {
    // Errors reach whoever reads the body; without a reader there is nobody to tell.
    incoming.on("error", () => undefined);
    const body = this.#readBody(request, outgoing, incoming);
    const response: HttpResponse = {
      status: incoming.statusCode ?? 0,
      headers: incoming.headers,
      body,
      read: async (limitBytes) => {
        const chunks: Uint8Array[] = [];
        let size = 0;
        for await (const chunk of body) {
          size += chunk.length;
          if (size > limitBytes) throw bodyTooLong(request.doing, limitBytes);
          chunks.push(chunk);
        }
        return Buffer.concat(chunks, size);
      },
      discard: async () => {
        if (!isShort(request, incoming)) outgoing.destroy();
        // A connection that breaks off now is nobody's loss.
        else await response.read(shortBytes).catch(() => undefined);
      },
    };
    return response;
  }

  async *#readBody(request: HttpRequest, outgoing: ClientRequest, incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
    const { stallMs, stallBytes } = this.#timeouts;
    using stall = new Watchdog(stallMs, stallBytes, () =>
      incoming.destroy(timeout(request.doing, "the registry sends nothing more", stallMs)),
    );
    try {
      stall.wait();
      for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
        stall.progress(chunk.length);
        yield chunk;
        stall.wait();
      }
    } catch (cause) {
      request.signal?.throwIfAborted();
      throw this.#failure(request, cause as Error);
    } finally {
      // A connection on which a request was not sent to its end is of no further use either.
      if (!incoming.complete || !outgoing.writableEnded) outgoing.destroy();
    }
    request.signal?.throwIfAborted();
  }

  #failure(request: HttpRequest, cause: Error): Error {
    if (cause instanceof EngineError) return cause;
    const { code = "" } = cause as NodeJS.ErrnoException;
    const transient =
      /^(?:ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETRESET|ECONNABORTED|HPE_INVALID_EOF_STATE|ERR_STREAM_PREMATURE_CLOSE)$/.test(code);
    return new EngineError({
      kind: "unavailable",
      code: "REGISTRY_UNREACHABLE",
      message: `${request.doing}: ${explain(cause, code, request.url)}`,
      details: { errno: code, transient, notTls: isNotTls(code) },
      cause,
    });
  }
}

/** A registry that hashes what it was sent before it answers; ten times as long as another. */
const slowFactor = 10;
const shortBytes = 16 * 1024;

function isShort(request: HttpRequest, incoming: IncomingMessage): boolean {
  if (request.method === "HEAD" || incoming.statusCode === 204) return true;
  return Number(incoming.headers["content-length"] ?? Number.POSITIVE_INFINITY) <= shortBytes;
}

const userAgent = "wherry";

function tlsOptions(tls: TlsSettings): object {
  return {
    ...(tls.authorities === undefined || tls.unverified === true ? {} : { ca: [...rootCertificates, ...tls.authorities] }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.unverified === true ? { rejectUnauthorized: false } : {}),
  };
}

/** What a server that speaks plain HTTP makes of a TLS greeting. */
function isNotTls(code: string): boolean {
  return (
    code === "ERR_SSL_WRONG_VERSION_NUMBER" ||
    code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" ||
    code === "EPROTO" ||
    code === "ERR_SSL_HTTP_REQUEST"
  );
}

function explain(cause: Error, code: string, url: URL): string {
  const at = `\`${url.host}\``;
  switch (code) {
    case "ECONNREFUSED":
      return `${at} refuses connections: is the registry running?`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${at} can't be found: no such host`;
    case "ECONNRESET":
    case "EPIPE":
      return `the connection to ${at} was cut`;
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return `${at} can't be reached from here`;
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return `the certificate of ${at} is from an authority unknown here; put the authority's into /etc/wherry/certs.d/${url.host}/ca.crt`;
    case "CERT_HAS_EXPIRED":
      return `the certificate of ${at} has expired`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `the certificate of ${at} is for another name`;
    default:
      if (isNotTls(code)) return `${at} does not speak HTTPS; plain HTTP needs an entry in "insecure-registries"`;
      return `${at}: ${cause.message}`;
  }
}

function timeout(doing: string, what: string, milliseconds: number): EngineError {
  return new EngineError({
    kind: "unavailable",
    code: "REGISTRY_TIMEOUT",
    message: `${doing}: ${what} (waited ${milliseconds / 1000} s)`,
    details: { transient: true },
  });
}

function bodyTooLong(doing: string, limitBytes: number): EngineError {
  return new EngineError({
    kind: "unavailable",
    code: "REGISTRY_PROTOCOL",
    message: `${doing}: the answer is longer than ${limitBytes} bytes`,
  });
}
