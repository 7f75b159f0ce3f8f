import { EngineError } from "../core/engine-error.ts";
import { parseChallenges } from "./challenge.ts";
import type { RegistryCredentials } from "./credentials.ts";
import type { HttpResponse } from "./http-transport.ts";
import type { RegistryEndpoint } from "./registry-endpoint.ts";
import { fetchToken, type SendTokenRequest, type Token } from "./token-service.ts";

/** Renewed before it ends, so that a request under way does not meet the end. */
const marginMs = 5_000;

type Method = { readonly scheme: "basic" } | { readonly scheme: "bearer"; readonly realm: URL; readonly service: string };

/**
 * Answers one registry's challenges: none, Basic or Bearer with a token service. Tokens are kept for each set of scopes until shortly
 * before they end; requests in parallel share one fetch.
 */
export class Authorizer {
  readonly #endpoint: RegistryEndpoint;
  readonly #credentials: RegistryCredentials | undefined;
  readonly #send: SendTokenRequest;
  readonly #tokens = new Map<string, Promise<Token>>();
  #method: Method | undefined;

  constructor(endpoint: RegistryEndpoint, credentials: RegistryCredentials | undefined, send: SendTokenRequest) {
    this.#endpoint = endpoint;
    this.#credentials = credentials;
    this.#send = send;
  }

  /** The Authorization header for a request in `scopes`; undefined while the registry has not asked for one. */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    if (this.#credentials !== undefined && "registryToken" in this.#credentials) return `Bearer ${this.#credentials.registryToken}`;
    if (this.#method === undefined) return undefined;
    if (this.#method.scheme === "basic") return this.#basic();
    return `Bearer ${(await this.#token(this.#method, scopes, signal)).value}`;
  }

  /**
   * Learns from a 401 that came in spite of `used` (the header that was sent, if any). True when the request is worth sending again.
   * @throws {EngineError} when the token service fails
   */
  async learn(response: HttpResponse, scopes: readonly string[], used: string | undefined): Promise<boolean> {
    const header = response.headers["www-authenticate"];
    const method = this.#choose(header ?? "");
    if (method === undefined) return false;
    this.#method = method;
    if (method.scheme === "basic") return this.#basic() !== undefined && used !== this.#basic();
    const key = keyOf(scopes);
    const kept = await this.#tokens.get(key)?.catch(() => undefined);
    // Another request may have renewed it already.
    if (kept !== undefined && used === `Bearer ${kept.value}`) this.#tokens.delete(key);
    return true;
  }

  #choose(header: string): Method | undefined {
    const challenges = parseChallenges(header);
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters["realm"] !== undefined);
    if (bearer !== undefined) {
      const realm = URL.parse(bearer.parameters["realm"] ?? "", this.#endpoint.url);
      if (realm === null) return undefined;
      this.#requireSafe(realm);
      return { scheme: "bearer", realm, service: bearer.parameters["service"] ?? "" };
    }
    return challenges.some(({ scheme }) => scheme === "basic") ? { scheme: "basic" } : undefined;
  }

  /** Credentials go to the token service in clear text unless it speaks HTTPS. */
  #requireSafe(realm: URL): void {
    if (realm.protocol === "https:") return;
    if (realm.protocol === "http:" && this.#endpoint.insecure) return;
    throw new EngineError({
      kind: "unavailable",
      code: "REGISTRY_PROTOCOL",
      message: `log in to \`${this.#endpoint.url}\`: its token service \`${realm.origin}\` does not speak HTTPS`,
    });
  }

  #basic(): string | undefined {
    if (this.#credentials === undefined || !("username" in this.#credentials)) return undefined;
    return `Basic ${Buffer.from(`${this.#credentials.username}:${this.#credentials.password}`).toString("base64")}`;
  }

  async #token(method: Method & { scheme: "bearer" }, scopes: readonly string[], signal?: AbortSignal): Promise<Token> {
    const key = keyOf(scopes);
    const kept = this.#tokens.get(key);
    if (kept !== undefined) {
      const token = await kept;
      if (performance.now() < token.endsAt - marginMs) return token;
      if (this.#tokens.get(key) === kept) this.#tokens.delete(key);
    }
    const renewed = this.#tokens.get(key);
    if (renewed !== undefined) return await renewed;
    const fetched = fetchToken(this.#send, { ...method, scopes, credentials: this.#credentials, signal });
    this.#tokens.set(key, fetched);
    fetched.catch(() => {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
    });
    return await fetched;
  }
}

function keyOf(scopes: readonly string[]): string {
  return scopes.join(" ");
}
