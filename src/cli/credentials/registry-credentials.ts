import type { RegistryCredentials } from "../../engine/engine.ts";
import { DockerConfig } from "./docker-config.ts";
import { helperErase, helperGet, helperStore } from "./keychain.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The name under which credentials of a registry are kept; Docker Hub's is historical. */
export function credentialKey(registry: string): string {
  return registry === "docker.io" ? "https://index.docker.io/v1/" : registry;
}

/**
 * Answers an engine that asks for the credentials of a registry (`docker.io`, `registry.lan:5000`), from where `docker login` keeps them.
 */
export function credentialsFrom(env: Environment): (registry: string) => Promise<RegistryCredentials | undefined> {
  return async (registry) => findCredentials(registry, env);
}

/** @throws {EngineError} CREDENTIALS_INVALID, CREDENTIAL_HELPER_FAILED */
export function findCredentials(registry: string, env: Environment): RegistryCredentials | undefined {
  const config = DockerConfig.read(env);
  const key = credentialKey(registry);
  const helper = config.helperOf(key);
  const found = helper === undefined ? undefined : helperGet(helper, key);
  if (found !== undefined) {
    return found.username === "<token>" ? { identityToken: found.secret } : { username: found.username, password: found.secret };
  }
  const auth = config.auth(key);
  if (auth === undefined) return undefined;
  if (auth.registryToken !== "") return { registryToken: auth.registryToken };
  if (auth.identityToken !== "") return { identityToken: auth.identityToken };
  return auth.username === "" ? undefined : { username: auth.username, password: auth.password };
}

/** Keeps them; says where, when that is a file in which anybody who may read it can read them. */
export function keepCredentials(
  registry: string,
  credentials: { readonly username: string; readonly password: string },
  env: Environment,
): { readonly plainTextFile?: string } {
  const config = DockerConfig.read(env);
  const key = credentialKey(registry);
  const helper = config.helperOf(key);
  if (helper !== undefined) {
    helperStore(helper, key, { username: credentials.username, secret: credentials.password });
    config.setAuth(key, undefined);
    config.write();
    return {};
  }
  config.setAuth(key, credentials);
  config.write();
  return { plainTextFile: config.path };
}

/** False when there were none. */
export function forgetCredentials(registry: string, env: Environment): boolean {
  const config = DockerConfig.read(env);
  const key = credentialKey(registry);
  const helper = config.helperOf(key);
  const inHelper = helper !== undefined && helperGet(helper, key) !== undefined;
  if (helper !== undefined) helperErase(helper, key);
  if (!config.has(key)) return inHelper;
  config.removeAuth(key);
  config.write();
  return true;
}
