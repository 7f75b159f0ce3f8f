import { EngineError } from "../core/engine-error.ts";

/** An image's name, complete: registry, repository, and a tag, a digest or both. */
export interface ImageReference {
  /** `docker.io` when none was given. */
  readonly domain: string;
  /** Without the domain; `library/…` for Docker Hub's short names. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const defaultDomain = "docker.io";
const officialPrefix = "library/";

const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads `[DOMAIN/]PATH[:TAG][@DIGEST]` as Docker does; the tag is `latest` when neither tag nor digest is given.
 * @throws {EngineError} INVALID_REFERENCE, in the words that Docker's users know.
 * @see https://github.com/distribution/reference: the grammar, and "familiar" names
 */
export function parseReference(text: string): ImageReference {
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !digestPattern.test(digest)) throw invalid(text);
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text);
  const { domain, path } = splitDomain(hasTag ? named.slice(0, colon) : named);
  if (path !== path.toLowerCase()) throw invalid(text, `: repository name (${path}) must be lowercase`);
  if (!domainPattern.test(domain) || !path.split("/").every((part) => pathComponent.test(part))) throw invalid(text);
  if (domain.length + path.length > 254) throw invalid(text, ": repository name must not be more than 255 characters");
  // 64 digits are an id, never a name.
  if (/^[0-9a-f]{64}$/.test(named)) throw invalid(text, `: cannot specify 64-byte hexadecimal strings`);
  return { domain, path, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** As docker: `sha256:…` is an id, whatever else has that name. @throws {EngineError} INVALID_REFERENCE */
export function refuseAmbiguousName({ domain, path }: ImageReference): void {
  if (domain === defaultDomain && path === `${officialPrefix}sha256`)
    throw invalid("", ": refusing to create an ambiguous tag using digest algorithm as name");
}

/** The complete form, as stored. */
export function canonicalReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.domain}/${reference.path}${tag}${digest}`;
}

/** The short form of a canonical reference, as people see it: without `docker.io/` and `library/`. */
export function familiarReference(canonical: string): string {
  const hub = `${defaultDomain}/`;
  if (!canonical.startsWith(hub)) return canonical;
  const rest = canonical.slice(hub.length);
  const slash = rest.indexOf("/");
  // Would be read as a registry's name.
  if (slash > 0 && isDomain(rest.slice(0, slash))) return canonical;
  const official = rest.startsWith(officialPrefix) ? rest.slice(officialPrefix.length) : rest;
  return official.includes("/") ? rest : official;
}

function isDomain(part: string): boolean {
  return /[.:]/.test(part) || part === "localhost" || part !== part.toLowerCase();
}

/** The first part is a domain only if it looks like one; else the name is Docker Hub's. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  if (first !== "" && isDomain(first)) {
    const domain = first === "index.docker.io" ? defaultDomain : first;
    const path = name.slice(slash + 1);
    return { domain, path: domain === defaultDomain && !path.includes("/") ? officialPrefix + path : path };
  }
  return { domain: defaultDomain, path: slash < 0 ? officialPrefix + name : name };
}

function invalid(text: string, why = ""): EngineError {
  return new EngineError({
    kind: "invalidArgument",
    code: "INVALID_REFERENCE",
    message: `invalid reference format${why === "" && text !== "" ? `: \`${text}\`` : why}`,
  });
}
