import type { RegistryClient, RegistryRequest } from "./registry-client.ts";
import { protocolError } from "./registry-error.ts";

const pageLimitBytes = 16 * 1024 * 1024;
const maximumPages = 1000;

/**
 * A list of texts that a registry gives in pages, one after another by their Link headers: all in field `field` of its answers.
 * @throws {EngineError} REGISTRY_*
 * @see distribution-spec, "Listing Tags"
 */
export async function listPages(
  client: RegistryClient,
  field: "tags" | "repositories",
  request: Omit<RegistryRequest, "method">,
): Promise<string[]> {
  const found: string[] = [];
  let { target } = request;
  for (let pages = 0; pages < maximumPages; pages++) {
    const response = await client.request({ ...request, method: "GET", target });
    found.push(...parsePage(await response.read(pageLimitBytes), field, request.doing));
    const next = nextPage(response.headers["link"], typeof target === "string" ? client.endpoint.url + target : target.href);
    if (next === undefined) return found;
    target = next;
  }
  throw protocolError(request.doing, `more than ${maximumPages} pages`);
}

function parsePage(body: Buffer, field: string, doing: string): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch {
    throw protocolError(doing, "the answer is not JSON");
  }
  const list = typeof parsed === "object" && parsed !== null ? (parsed as Readonly<Record<string, unknown>>)[field] : undefined;
  // A repository whose last tag was deleted answers null.
  if (list === null || list === undefined) return [];
  if (!Array.isArray(list)) throw protocolError(doing, `the answer holds no list of ${field}`);
  return list.filter((entry): entry is string => typeof entry === "string" && /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,254}$/.test(entry));
}

/** The target of `Link: <…>; rel="next"`, on the same server. */
function nextPage(header: string | readonly string[] | undefined, from: string): URL | undefined {
  const text = typeof header === "string" ? header : (header ?? []).join(", ");
  const target = /<([^>]*)>\s*;[^,<]*\brel="?next"?/i.exec(text)?.[1];
  const next = target === undefined ? null : URL.parse(target, from);
  return next === null || next.origin !== new URL(from).origin ? undefined : next;
}
