import { readdirSync, readFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import type { TlsSettings } from "../registry/registry-endpoint.ts";

/** Where distributions keep the authorities that they trust. */
const systemBundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/**
 * TLS settings of one registry: the system's authorities ($SSL_CERT_FILE chooses others), and what lies in `certs.d/HOST[:PORT]` of the
 * first of the directories that has one: authorities in `*.crt`, a client certificate in `NAME.cert` with its key in `NAME.key`.
 * @throws {EngineError} REGISTRY_SETTINGS_INVALID
 * @see https://docs.docker.com/engine/security/certificates/
 */
export function readRegistryTls(
  host: string,
  directories: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { readonly settings: TlsSettings; readonly hasOwnAuthority: boolean } {
  const system = readSystemAuthorities(env["SSL_CERT_FILE"] ?? "");
  for (const directory of directories.map((parent) => `${parent}/certs.d/${host}`)) {
    const names = listDirectory(directory);
    if (names === undefined) continue;
    const own = names.filter((name) => name.endsWith(".crt")).map((name) => read(`${directory}/${name}`));
    const client = names.find((name) => name.endsWith(".cert"));
    const settings: TlsSettings = { authorities: [...system, ...own] };
    if (client === undefined) return { settings, hasOwnAuthority: own.length > 0 };
    const key = client.replace(/\.cert$/, ".key");
    if (!names.includes(key)) throw invalid(`${directory}/${client}`, `its key ${key} is not there`);
    return {
      settings: { ...settings, certificate: read(`${directory}/${client}`), key: read(`${directory}/${key}`) },
      hasOwnAuthority: own.length > 0,
    };
  }
  return { settings: system.length === 0 ? {} : { authorities: system }, hasOwnAuthority: false };
}

function readSystemAuthorities(chosen: string): readonly string[] {
  for (const path of chosen === "" ? systemBundles : [chosen]) {
    try {
      return [readFileSync(path, "utf8")];
    } catch {
      // The next one; in the end those that the runtime brings along.
    }
  }
  return [];
}

/** Sorted; undefined when there is no such directory. */
function listDirectory(path: string): readonly string[] | undefined {
  try {
    return readdirSync(path).sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw invalid(path, cause instanceof Error ? cause.message : String(cause));
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause));
  }
}

function invalid(path: string, why: string): EngineError {
  return new EngineError({ kind: "failedPrecondition", code: "REGISTRY_SETTINGS_INVALID", message: `read \`${path}\`: ${why}` });
}
