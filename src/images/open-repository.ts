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

/** A registry's refusal in the words that docker's users know; any other error as it is. `shown`: the name as it was given. */
export function explainRefusal(
  error: unknown,
  { direction, reference, shown }: { readonly direction: "pull" | "push"; readonly reference: ImageReference; readonly shown: string },
): unknown {
  if (!(error instanceof EngineError)) return error;
  const { code, kind, details } = error;
  const said = error.message.slice(error.message.indexOf(": ") + 2).replace(/; wherry login may help$/, "");
  const explained = (message: string): EngineError => new EngineError({ kind, code, message, details, cause: error });
  if (direction === "pull" && code === "REGISTRY_NOT_FOUND" && !JSON.stringify(details["faults"] ?? []).includes("NAME_UNKNOWN")) {
    return explained(`manifest for ${shown} not found: ${said}`);
  }
  const isDenied = code === "REGISTRY_DENIED" || code === "REGISTRY_UNAUTHORIZED";
  const name = familiarReference(`${reference.domain}/${reference.path}`);
  if (direction === "push") return isDenied ? explained(`push access denied for ${name}, 'wherry login' may be required: ${said}`) : error;
  if (!isDenied && code !== "REGISTRY_NOT_FOUND") return error;
  return explained(`pull access denied for ${name}, repository does not exist or may require 'wherry login': ${said}`);
}
