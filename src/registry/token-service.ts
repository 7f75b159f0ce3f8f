import type { RegistryCredentials } from "./credentials.ts";
import type { HttpRequest, HttpResponse } from "./http-transport.ts";
import { protocolError, responseError } from "./registry-error.ts";

export interface Token {
  readonly value: string;
  /** On the clock of `performance.now()`; an answer's own dates are of another clock. */
  readonly endsAt: number;
  /** To be kept instead of a password, when one was asked for. */
  readonly refreshToken: string | undefined;
}

/** Sends a request to a token service, with retries. */
export type SendTokenRequest = (request: HttpRequest) => Promise<HttpResponse>;

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string;
  /** `repository:NAME:pull,push`; none asks whether the credentials are good. */
  readonly scopes: readonly string[];
  readonly credentials: RegistryCredentials | undefined;
  /** Also asks for a refresh token. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const clientId = "wherry";
const limitBytes = 1024 * 1024;
/** When the service does not say. @see https://distribution.github.io/distribution/spec/auth/token/ */
const defaultSeconds = 60;

/**
 * A token for these scopes, by name and password (GET), by refresh token (POST), or for anybody.
 * @throws {EngineError} REGISTRY_UNAUTHORIZED and what else a request may meet; REGISTRY_PROTOCOL for an answer without a token
 * @see https://distribution.github.io/distribution/spec/auth/token/ and spec/auth/oauth/
 */
export async function fetchToken(send: SendTokenRequest, request: TokenRequest): Promise<Token> {
  const { realm, service, scopes, credentials, signal } = request;
  const doing = `authenticate at \`${realm.host}\``;
  const sent = performance.now();
  let response: HttpResponse;
  if (credentials !== undefined && "identityToken" in credentials) {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      service,
      client_id: clientId,
      refresh_token: credentials.identityToken,
    });
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    response = await send({ method: "POST", url: realm, headers, body: Buffer.from(form.toString()), doing, signal });
  } else {
    const url = new URL(realm);
    if (service !== "") url.searchParams.set("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    const headers: Record<string, string> = {};
    if (credentials !== undefined && "username" in credentials) {
      url.searchParams.set("account", credentials.username);
      headers["authorization"] = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
      if (request.offline === true) {
        url.searchParams.set("offline_token", "true");
        url.searchParams.set("client_id", clientId);
      }
    }
    response = await send({ method: "GET", url, headers, doing, signal });
  }
  const body = (await response.read(limitBytes)).toString("utf8");
  if (response.status !== 200) throw responseError(doing, response.status, body);
  return parseToken(doing, body, sent);
}

function parseToken(doing: string, body: string, sent: number): Token {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw protocolError(doing, "the token service's answer is not JSON");
  }
  const answer = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Readonly<Record<string, unknown>>;
  const value = [answer["token"], answer["access_token"]].find((text) => typeof text === "string" && text !== "");
  // A header is made of it.
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) throw protocolError(doing, "the token service's answer holds no token");
  const { expires_in: seconds, refresh_token: refreshToken } = answer;
  const lifeSeconds = typeof seconds === "number" && seconds > 0 ? Math.max(seconds, defaultSeconds) : defaultSeconds;
  return {
    value,
    endsAt: sent + lifeSeconds * 1000,
    refreshToken: typeof refreshToken === "string" && refreshToken !== "" ? refreshToken : undefined,
  };
}
