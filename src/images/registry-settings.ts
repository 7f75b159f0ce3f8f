import { readFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { isInRange } from "../registry/proxy.ts";
import { dockerHub, hostName, isLoopback, type RegistryEndpoint, type RegistryHost } from "../registry/registry-endpoint.ts";
import { readRegistryTls } from "./registry-tls.ts";

/** What this host's administrator says of registries. */
interface RegistriesFile {
  /** Names (`registry.lan:5000`) and IPv4 ranges that need not speak HTTPS. */
  readonly insecure: readonly string[];
  /** By registry; URLs, asked in this order. */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const wherryDirectory = "/etc/wherry";

/**
 * How a registry is reached from this host. HTTPS, but for loopback and what is configured as insecure, where plain HTTP does when HTTPS
 * doesn't answer.
 *
 * `registries.json` in /etc/wherry (or $WHERRY_CONFIG) has docker's keys, so that it may be a link to its daemon.json:
 * `{"insecure-registries": ["registry.lan:5000", "10.0.0.0/8"], "registry-mirrors": ["https://mirror.lan"]}`; the mirrors are Docker
 * Hub's. Beyond docker, `"mirrors": {"quay.io": ["https://mirror.lan/quay"]}` names those of other registries. Without the file, docker's
 * daemon.json is read.
 * @throws {EngineError} REGISTRY_SETTINGS_INVALID
 */
export function registryHost(name: string, env: Environment): RegistryHost {
  const file = readRegistries(env);
  const server = name === dockerHub.name ? dockerHub.server : name;
  const mirrors = (file.mirrors.get(name) ?? []).map((url): RegistryEndpoint => {
    const host = new URL(url).host;
    return { url: url.replace(/\/+$/, ""), ...security(host, file, env), mirror: true };
  });
  const settings = { ...security(server, file, env), mirror: false };
  const own = [{ url: `https://${server}`, ...settings }];
  if (settings.insecure) own.push({ url: `http://${server}`, ...settings });
  return { name, endpoints: [...mirrors, ...own] };
}

/** Whether a name is configured as a registry that need not be trusted much: docker counts loopback among them. */
function security(host: string, file: RegistriesFile, env: Environment): Pick<RegistryEndpoint, "tls" | "insecure"> {
  const insecure = isLoopback(host) || file.insecure.some((entry) => entry === host || isInRange(hostName(host), entry));
  const tls = readRegistryTls(host, configDirectories(env), env);
  return { insecure, tls: insecure && !tls.hasOwnAuthority ? { ...tls.settings, unverified: true } : tls.settings };
}

/** Where settings lie, the strongest first. $WHERRY_CONFIG stands for all of them. */
function configDirectories(env: Environment): readonly string[] {
  const chosen = env["WHERRY_CONFIG"] ?? "";
  return chosen === "" ? [wherryDirectory, "/etc/containers", "/etc/docker"] : [chosen];
}

function readRegistries(env: Environment): RegistriesFile {
  const chosen = env["WHERRY_CONFIG"] ?? "";
  const paths = chosen === "" ? [`${wherryDirectory}/registries.json`, "/etc/docker/daemon.json"] : [`${chosen}/registries.json`];
  for (const path of paths) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw invalid(path, cause instanceof Error ? cause.message : String(cause));
    }
    return parseRegistries(text, path);
  }
  return { insecure: [], mirrors: new Map() };
}

function parseRegistries(text: string, path: string): RegistriesFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text === "" ? "{}" : text);
  } catch {
    throw invalid(path, "it is not JSON");
  }
  if (typeof parsed !== "object" || parsed === null) throw invalid(path, "it is not an object");
  const document = parsed as Readonly<Record<string, unknown>>;
  const mirrors = new Map<string, readonly string[]>();
  const { mirrors: others = {} } = document;
  if (typeof others !== "object" || others === null) throw invalid(path, '"mirrors" is not an object');
  for (const [name, urls] of Object.entries({ [dockerHub.name]: document["registry-mirrors"], ...others })) {
    const list = textList(urls, `mirrors of ${name}`, path);
    for (const url of list) {
      if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) throw invalid(path, `\`${url}\` is no http(s) URL`);
    }
    mirrors.set(name, list);
  }
  return { insecure: textList(document["insecure-registries"], '"insecure-registries"', path).map((entry) => bareHost(entry)), mirrors };
}

function textList(value: unknown, what: string, path: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) throw invalid(path, `${what}: not a list of texts`);
  return value;
}

/** Docker takes URLs for names, too. */
function bareHost(entry: string): string {
  return entry.replace(/^https?:\/\//, "").replace(/\/+$/, "");
}

function invalid(path: string, why: string): EngineError {
  return new EngineError({ kind: "failedPrecondition", code: "REGISTRY_SETTINGS_INVALID", message: `read \`${path}\`: ${why}` });
}
