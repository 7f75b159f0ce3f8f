import { EngineError } from "../core/engine-error.ts";
import type { RegistryCredentials } from "../registry/credentials.ts";
import { type ClientOptions, RegistryClient } from "../registry/registry-client.ts";
import { Repository } from "../registry/repository.ts";
import { familiarReference, type ImageReference } from "./reference.ts";
import { registryHost } from "./registry-settings.ts";
import type { TransferEvent } from "./transfer-event.ts";

/** What pull and push have in common. */
export interface TransferOptions {
  /** Asked once, with the registry's name as in references (`docker.io`); none: anonymous. */
  readonly credentials?: (registry: string) => Promise<RegistryCredentials | undefined>;
  readonly onProgress?: (event: TransferEvent) => void;
  readonly signal?: AbortSignal;
  /** How long to wait, and how often to try; absent: what suits people. */
  readonly patience?: Pick<ClientOptions, "timeouts" | "retries">;
}

/**
 * A connection to an image's repository, as this host is configured; disposed of by the client. @throws {EngineError}
 * REGISTRY_SETTINGS_INVALID
 */
export async function openRepository(name: Pick<ImageReference, "domain" | "path">, options: TransferOptions): Promise<Repository> {
  const client = new RegistryClient({
    host: registryHost(name.domain, process.env),
    credentials: await options.credentials?.(name.domain),
    env: process.env,
    ...options.patience,
    onRetry: (error, delayMs) => options.onProgress?.({ kind: "retry", message: error.message, delayMs }),
  });
  return new Repository(client, name.path);
}

/** A registry's refusal in the words that docker's users know; any other error as it is. */
export function explainRefusal(error: unknown, reference: ImageReference, shown: string): unknown {
  if (!(error instanceof EngineError)) return error;
  const { code, kind, details } = error;
  const faults = JSON.stringify(details["faults"] ?? []);
  const name = familiarReference(`${reference.domain}/${reference.path}`);
  const said = error.message.slice(error.message.indexOf(": ") + 2).replace(/; wherry login may help$/, "");
  if (code === "REGISTRY_NOT_FOUND" && !faults.includes("NAME_UNKNOWN")) {
    return new EngineError({ kind, code, message: `manifest for ${shown} not found: ${said}`, details, cause: error });
  }
  if (code === "REGISTRY_NOT_FOUND" || code === "REGISTRY_DENIED" || code === "REGISTRY_UNAUTHORIZED") {
    const message = `pull access denied for ${name}, repository does not exist or may require 'wherry login': ${said}`;
    return new EngineError({ kind, code, message, details, cause: error });
  }
  return error;
}
