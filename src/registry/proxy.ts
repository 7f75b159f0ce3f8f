import { type ClientRequestArgs, request } from "node:http";
import { Agent, type AgentOptions } from "node:https";
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect } from "node:tls";
import { EngineError } from "../core/engine-error.ts";
import { hostName, isLoopback } from "./registry-endpoint.ts";

/** An HTTP proxy. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** `NAME:PASSWORD`, when its URL has them. */
  readonly credentials: string | undefined;
}

/**
 * The proxy for requests to `url`, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY in either case, as Go's programs read them: this machine
 * itself is never reached through one. HTTP_PROXY in upper case is not believed in a CGI program (REQUEST_METHOD is set): a client
 * chooses it there.
 * @throws {EngineError} INVALID_OPTION
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy
 */
export function proxyFor(url: URL, env: Readonly<Record<string, string | undefined>>): Proxy | undefined {
  const value = (...names: readonly string[]): string => names.map((name) => env[name] ?? "").find((text) => text !== "") ?? "";
  const isCgi = value("REQUEST_METHOD") !== "";
  const chosen = url.protocol === "https:" ? value("HTTPS_PROXY", "https_proxy") : value(...(isCgi ? [] : ["HTTP_PROXY"]), "http_proxy");
  if (chosen === "" || isLoopback(url.hostname) || isExcepted(url, value("NO_PROXY", "no_proxy"))) return undefined;
  return parseProxy(chosen);
}

export function proxyAuthorization(proxy: Proxy): Readonly<Record<string, string>> {
  if (proxy.credentials === undefined) return {};
  return { "proxy-authorization": `Basic ${Buffer.from(proxy.credentials).toString("base64")}` };
}

function parseProxy(text: string): Proxy {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || url.protocol !== "http:" || url.hostname === "") {
    throw new EngineError({
      kind: "invalidArgument",
      code: "INVALID_OPTION",
      message: `use proxy \`${text.replace(/\/\/[^@/]*@/, "//")}\`: not http://HOST[:PORT]`,
    });
  }
  const user = decodeURIComponent(url.username);
  const credentials = user === "" ? undefined : `${user}:${decodeURIComponent(url.password)}`;
  return { host: hostName(url.hostname), port: url.port === "" ? 80 : Number(url.port), credentials };
}

/** NO_PROXY: `*`, names (with all beneath them), `.SUFFIX` (only beneath), addresses, address ranges; each with or without a port. */
function isExcepted(url: URL, list: string): boolean {
  const host = hostName(url.hostname);
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return list.split(",").some((entry) => {
    const rule = entry.trim().toLowerCase();
    if (rule === "*") return true;
    if (rule === "") return false;
    if (rule.includes("/")) return isInRange(host, rule);
    const withPort = /^(.*[^:]):(\d+)$/.exec(rule);
    if (withPort !== null && withPort[2] !== port) return false;
    const name = hostName(withPort?.[1] ?? rule).replace(/^\*(?=\.)/, "");
    return name.startsWith(".") ? host.endsWith(name) : host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
  });
}

/** IPv4 ranges such as `10.0.0.0/8`. */
export function isInRange(address: string, range: string): boolean {
  const [network = "", bits = ""] = range.split("/");
  if (isIP(address) !== 4 || isIP(network) !== 4 || !/^\d+$/.test(bits) || Number(bits) > 32) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(toNumber(address) / size) === Math.floor(toNumber(network) / size);
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** HTTPS through a proxy: each connection is a tunnel made by CONNECT, with TLS to the registry inside. */
export class TunnelAgent extends Agent {
  readonly #proxy: Proxy;

  constructor(options: AgentOptions, proxy: Proxy) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(options: ClientRequestArgs, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const { host, port, credentials } = this.#proxy;
    const authority = `${isIP(options.host ?? "") === 6 ? `[${options.host}]` : options.host}:${options.port || 443}`;
    const fail = (error: Error): void => (callback as ((error: Error) => void) | undefined)?.(error);
    const headers = { host: authority, ...proxyAuthorization({ host, port, credentials }) };
    const opening = request({ host, port, method: "CONNECT", path: authority, headers });
    opening.on("connect", (response, socket: Socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        fail(new Error(`the proxy \`${host}:${port}\` answers ${response.statusCode} to CONNECT`));
        return;
      }
      const name = isIP(options.host ?? "") === 0 ? { servername: options.host ?? "" } : {};
      const secured = connect({ ...(options as object), ...name, socket });
      secured.once("secureConnect", () => callback?.(null, secured));
      secured.once("error", fail);
    });
    opening.on("error", (cause) => fail(new Error(`the proxy \`${host}:${port}\`: ${cause.message}`, { cause })));
    opening.end();
    return undefined;
  }
}
