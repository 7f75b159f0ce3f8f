import { EngineError } from "../core/engine-error.ts";
import { Authorizer } from "./authorizer.ts";
import type { RegistryCredentials } from "./credentials.ts";
import { defaultTimeouts, type HttpRequest, type HttpResponse, HttpTransport, type Timeouts } from "./http-transport.ts";
import { proxyFor } from "./proxy.ts";
import { protocolError, responseError } from "./registry-error.ts";
import type { RegistryEndpoint, RegistryHost } from "./registry-endpoint.ts";
import { defaultRetryPolicy, type RetryPolicy, retryDelayMs, sleep } from "./retry.ts";

export interface RegistryRequest extends Omit<HttpRequest, "url"> {
  /** `/v2/…` of the registry, or a complete URL that it gave. */
  readonly target: string | URL;
  /** `repository:NAME:pull`. */
  readonly scopes: readonly string[];
  /** Statuses that the caller deals with; every other than 2xx is an error. */
  readonly accept?: readonly number[];
  /** Not sent again by itself: the caller goes on where it ended. */
  readonly once?: boolean;
}

export interface ClientOptions {
  readonly host: RegistryHost;
  readonly credentials?: RegistryCredentials | undefined;
  /** Where the proxies stand. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeouts?: Timeouts;
  readonly retries?: RetryPolicy;
  /** Told before each wait. */
  readonly onRetry?: (error: EngineError, delayMs: number) => void;
}

const maximumRedirects = 5;
const errorBodyLimitBytes = 64 * 1024;

/**
 * One registry: chooses the endpoint, authenticates, follows redirects and tries again. Credentials go to the registry's own origin and its
 * token service, never to where a redirect leads. Disposal closes its idle connections.
 */
export class RegistryClient implements Disposable {
  readonly host: RegistryHost;
  readonly #retries: RetryPolicy;
  readonly #options: ClientOptions;
  readonly #transports = new Map<string, HttpTransport>();
  readonly #authorizers = new Map<RegistryEndpoint, Authorizer>();
  #endpoints: readonly RegistryEndpoint[];
  #chosen = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.host = options.host;
    this.#retries = options.retries ?? defaultRetryPolicy;
    this.#endpoints = options.host.endpoints;
  }

  /** The endpoint that requests go to now. */
  get endpoint(): RegistryEndpoint {
    const [first] = this.#endpoints;
    if (first === undefined) throw protocolError(`reach registry \`${this.host.name}\``, "no address is configured for it");
    return first;
  }

  /** No mirror is asked any more: uploads go to the registry itself. */
  leaveMirrors(): void {
    this.#endpoints = this.#endpoints.filter((endpoint) => !endpoint.mirror);
  }

  /**
   * Sends a request, again where that may help.
   * @throws {EngineError} REGISTRY_*; the signal's reason
   */
  async request(request: RegistryRequest): Promise<HttpResponse> {
    for (let attempt = 2; ; attempt++) {
      const { endpoint } = this;
      try {
        const response = await this.#authorized(endpoint, request);
        this.#chosen ||= !endpoint.mirror;
        if (this.#isWanted(response, request)) return response;
        throw await this.#refusal(response, request);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (this.#moveOn(endpoint, error)) continue;
        if (request.once === true) throw error;
        await this.pause(error, attempt, request.signal);
      }
    }
  }

  /** Waits before try number `attempt` (2, 3, …) of something that failed. @throws `error` when there is to be none; the signal's reason */
  async pause(error: unknown, attempt: number, signal?: AbortSignal): Promise<void> {
    const delayMs = retryDelayMs(error, attempt, this.#retries);
    if (delayMs === undefined) throw error;
    this.#options.onRetry?.(error as EngineError, delayMs);
    await sleep(delayMs, signal);
  }

  [Symbol.dispose](): void {
    for (const transport of this.#transports.values()) transport[Symbol.dispose]();
    this.#transports.clear();
  }

  /** Leaves an endpoint that does not answer as a registry should: a mirror at any failure, HTTPS where only HTTP is spoken. */
  #moveOn(endpoint: RegistryEndpoint, error: unknown): boolean {
    if (!(error instanceof EngineError)) return false;
    // Another request in parallel has moved on already.
    if (!this.#endpoints.includes(endpoint)) return true;
    if (this.#chosen || this.#endpoints.length < 2) return false;
    const { notTls, errno } = error.details;
    const noPlainPort = errno === "ECONNREFUSED" || errno === "ECONNRESET";
    if (!endpoint.mirror && notTls !== true && !noPlainPort) return false;
    this.#endpoints = this.#endpoints.slice(1);
    return true;
  }

  #isWanted({ status }: HttpResponse, request: RegistryRequest): boolean {
    return (status >= 200 && status < 300) || request.accept?.includes(status) === true;
  }

  async #refusal(response: HttpResponse, request: RegistryRequest): Promise<EngineError> {
    const retryAfter = response.headers["retry-after"];
    // What stands in a body that can't be read whole does not matter more than the status.
    const body = request.method === "HEAD" ? "" : await response.read(errorBodyLimitBytes).then(String, () => "");
    return responseError(request.doing, response.status, body, retryAfter);
  }

  async #authorized(endpoint: RegistryEndpoint, request: RegistryRequest): Promise<HttpResponse> {
    const authorizer = this.#authorizer(endpoint);
    const url = typeof request.target === "string" ? new URL(endpoint.url + request.target) : request.target;
    const isOwn = url.origin === new URL(endpoint.url).origin;
    for (let asked = 0; ; asked++) {
      const authorization = isOwn ? await authorizer.header(request.scopes, request.signal) : undefined;
      const response = await this.#following(endpoint, { ...request, url, ...withAuthorization(request, authorization) });
      if (response.status !== 401 || !isOwn || asked > 0 || response.redirected) return response;
      if (!(await authorizer.learn(response, request.scopes, authorization))) return response;
      await response.discard();
    }
  }

  async #following(endpoint: RegistryEndpoint, request: HttpRequest): Promise<HttpResponse & { readonly redirected: boolean }> {
    let { url, headers = {} } = request;
    for (let hops = 0; ; hops++) {
      const response = await this.#transport(endpoint, url).send({ ...request, url, headers });
      const { location } = response.headers;
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined;
      if (!isRedirect || (request.method !== "GET" && request.method !== "HEAD")) return Object.assign(response, { redirected: hops > 0 });
      await response.discard();
      if (hops === maximumRedirects) throw protocolError(request.doing, `more than ${maximumRedirects} redirects`);
      const next = URL.parse(location, url.href);
      if (next === null || !/^https?:$/.test(next.protocol)) throw protocolError(request.doing, "redirected to what is no web address");
      // Nor may one that speaks HTTPS lead to what listens on this machine, or in clear text across the network.
      if (next.protocol === "http:" && !endpoint.insecure) {
        throw protocolError(request.doing, `redirected to \`${next.host}\` without HTTPS`);
      }
      // CVE-2020-15157: whoever a registry names in a redirect must not learn its credentials.
      if (next.origin !== url.origin) headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "authorization"));
      url = next;
    }
  }

  #authorizer(endpoint: RegistryEndpoint): Authorizer {
    let authorizer = this.#authorizers.get(endpoint);
    if (authorizer === undefined) {
      const credentials = endpoint.mirror ? undefined : this.#options.credentials;
      authorizer = new Authorizer(endpoint, credentials, (request) => this.#following(endpoint, request));
      this.#authorizers.set(endpoint, authorizer);
    }
    return authorizer;
  }

  /** The registry's own TLS settings, a client certificate for one, are for its own origin only. */
  #transport(endpoint: RegistryEndpoint, url: URL): HttpTransport {
    const isOwn = url.origin === new URL(endpoint.url).origin;
    const key = `${isOwn ? "own " : ""}${url.origin}`;
    let transport = this.#transports.get(key);
    if (transport === undefined) {
      const { certificate: _certificate, key: _key, ...shared } = endpoint.tls;
      transport = new HttpTransport(url, {
        tls: isOwn ? endpoint.tls : shared,
        proxy: proxyFor(url, this.#options.env ?? {}),
        timeouts: this.#options.timeouts ?? defaultTimeouts,
      });
      this.#transports.set(key, transport);
    }
    return transport;
  }
}

function withAuthorization(
  request: RegistryRequest,
  authorization: string | undefined,
): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) } };
}
