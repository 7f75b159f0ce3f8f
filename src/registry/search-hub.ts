import type { RegistryClient } from "./registry-client.ts";
import { protocolError } from "./registry-error.ts";

/** One repository that a search has found. */
export interface FoundRepository {
  readonly name: string;
  /** One line. */
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

const limitBytes = 4 * 1024 * 1024;

/**
 * Searches as Docker Hub's index does. Registries of today have no search of their own; some answer this one.
 * @throws {EngineError} REGISTRY_*
 * @see moby, registry/search.go
 */
export async function searchHub(
  client: RegistryClient,
  query: { readonly term: string; readonly limit: number; readonly signal?: AbortSignal | undefined },
): Promise<readonly FoundRepository[]> {
  const doing = `search for \`${query.term}\``;
  const parameters = new URLSearchParams({ q: query.term, n: String(query.limit) });
  const response = await client.request({
    method: "GET",
    target: `/v1/search?${parameters.toString()}`,
    scopes: [],
    doing,
    signal: query.signal,
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse((await response.read(limitBytes)).toString("utf8"));
  } catch {
    throw protocolError(doing, "the answer is not JSON");
  }
  const { results } = (typeof parsed === "object" && parsed !== null ? parsed : {}) as { readonly results?: unknown };
  if (!Array.isArray(results)) throw protocolError(doing, "the answer holds no results");
  return results.slice(0, query.limit).flatMap((entry: unknown) => {
    const found = (typeof entry === "object" && entry !== null ? entry : {}) as Readonly<Record<string, unknown>>;
    const { name, description, star_count: stars } = found;
    if (typeof name !== "string") return [];
    return {
      name: oneLine(name),
      description: typeof description === "string" ? oneLine(description) : "",
      stars: typeof stars === "number" ? stars : 0,
      isOfficial: found["is_official"] === true,
      isAutomated: found["is_automated"] === true,
    };
  });
}

/** Anybody writes descriptions, and they go to terminals. */
function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
}
