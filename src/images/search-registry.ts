import { EngineError } from "../core/engine-error.ts";
import { listPages } from "../registry/list-pages.ts";
import { type ClientOptions, RegistryClient } from "../registry/registry-client.ts";
import { type FoundRepository, searchHub } from "../registry/search-hub.ts";
import { explainRefusal, openRepository, type TransferOptions } from "./open-repository.ts";
import { familiarReference, parseReference } from "./reference.ts";
import { registryHost } from "./registry-settings.ts";

/** Docker Hub's index has a server of its own. */
const hubIndex = "index.docker.io";

export interface SearchOptions extends Pick<TransferOptions, "credentials" | "signal"> {
  readonly limit: number;
}

/**
 * Repositories whose name, or for Docker Hub also description, matches `term`: `TERM` on Docker Hub, `REGISTRY/TERM` elsewhere, where a
 * registry without a search lists all that it has, if it does.
 * @throws {EngineError} REGISTRY_*
 */
export async function searchRegistry(term: string, options: SearchOptions): Promise<readonly FoundRepository[]> {
  const slash = term.indexOf("/");
  const first = term.slice(0, Math.max(slash, 0));
  const isHub = !/[.:]/.test(first) && first !== "localhost";
  const registry = isHub ? "docker.io" : first;
  const wanted = isHub ? term : term.slice(slash + 1);
  const shared: Omit<ClientOptions, "host"> = { credentials: await options.credentials?.(registry), env: process.env };
  using client = new RegistryClient({ ...shared, host: registryHost(isHub ? hubIndex : registry, process.env) });
  client.leaveMirrors();
  const query = { term: wanted, limit: options.limit, signal: options.signal };
  try {
    return (await searchHub(client, query)).map((found) => (isHub ? found : { ...found, name: `${registry}/${found.name}` }));
  } catch (error) {
    if (isHub || !(error instanceof EngineError) || error.code !== "REGISTRY_NOT_FOUND") throw error;
  }
  const doing = `list the repositories of \`${registry}\``;
  const scopes = ["registry:catalog:*"];
  const all = await listPages(client, "repositories", { target: "/v2/_catalog?n=1000", scopes, doing, signal: options.signal });
  return all
    .filter((name) => name.includes(wanted))
    .slice(0, options.limit)
    .map((name) => ({ name: `${registry}/${name}`, description: "", stars: 0, isOfficial: false, isAutomated: false }));
}

/** All tags that a repository has in its registry. @throws {EngineError} INVALID_REFERENCE, REGISTRY_* */
export async function listRemoteTags(
  name: string,
  options: Pick<TransferOptions, "credentials" | "signal">,
): Promise<{ readonly name: string; readonly tags: readonly string[] }> {
  const reference = parseReference(name);
  const shown = familiarReference(`${reference.domain}/${reference.path}`);
  const repository = await openRepository(reference, options);
  using _client = repository.client;
  try {
    return { name: shown, tags: await repository.tags(options.signal) };
  } catch (error) {
    throw explainRefusal(error, { direction: "pull", reference, shown });
  }
}
