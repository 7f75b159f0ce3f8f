import { EngineError } from "../core/engine-error.ts";
import type { RegistryCredentials } from "../registry/credentials.ts";
import { RegistryClient } from "../registry/registry-client.ts";
import { registryHost } from "./registry-settings.ts";

/**
 * Asks a registry whether it takes these credentials; one that asks nobody takes all.
 * @throws {EngineError} REGISTRY_UNAUTHORIZED and what else a request may meet
 */
export async function checkLogin(registry: string, credentials: RegistryCredentials, signal?: AbortSignal): Promise<void> {
  using client = new RegistryClient({ host: registryHost(registry, process.env), credentials, env: process.env });
  client.leaveMirrors();
  const doing = `log in to \`${registry}\``;
  const response = await client.request({ method: "GET", target: "/v2/", scopes: [], doing, signal }).catch((error: unknown) => {
    if (!(error instanceof EngineError) || error.code !== "REGISTRY_NOT_FOUND") throw error;
    const { kind, code } = error;
    throw new EngineError({ kind, code, message: `${doing}: no registry answers there`, cause: error });
  });
  await response.discard();
}
