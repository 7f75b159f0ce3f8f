import { readFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { parseConfig } from "../plan/oci/parse-config.ts";
import { withoutNulls } from "../plan/oci/without-nulls.ts";
import { configInvalid } from "../plan/plan-context.ts";
import type { BundleMemory } from "./bundle-memory.ts";
import type { PlanCacheEntry } from "./plan-cache.ts";

/** A bundle's configuration, and the text that it was read from. */
export interface BundleConfig {
  readonly config: OciConfig;
  readonly text: string;
  readonly rootfs: HostPath;
}

/**
 * Reads `config.json` of a bundle. The root's path comes out absolute. What is known to be valid, but for the names in it, is not validated again.
 * @throws {EngineError} CONFIG_INVALID naming the path in the JSON.
 */
export async function readBundle(
  { bundle, path = `${bundle}/config.json`, id }: { readonly bundle: HostPath; readonly path?: string | undefined; readonly id: string },
  memory: BundleMemory | null,
): Promise<BundleConfig> {
  const text = readConfigText(path);
  const config = await validConfig(parseJson(text, path), memory?.entry(id, { valid: text }) ?? null);
  if (config.root === undefined) throw configInvalid("`root`: is missing");
  const rootfs = absolute(bundle, config.root.path);
  return { config, text: JSON.stringify(config), rootfs };
}

async function validConfig(value: unknown, known: PlanCacheEntry | null): Promise<OciConfig> {
  if (known !== null && known.read() !== null) return withoutNulls(value) as OciConfig;
  const { validateConfig } = await import("../plan/oci/validate-config.ts");
  const config = validateConfig(value);
  known?.write(Uint8Array.of(1));
  return config;
}

function absolute(bundle: string, path: string): HostPath {
  return (path.startsWith("/") ? path : `${bundle}/${path}`) as HostPath;
}

function readConfigText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new EngineError({
      kind: "invalidArgument",
      code: "CONFIG_INVALID",
      message: `JSON specification file \`${path}\` can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

/** @throws {EngineError} CONFIG_INVALID */
export function parseJson(text: string, path: string): unknown {
  try {
    return parseConfig(text);
  } catch (cause) {
    throw configInvalid(`\`${path}\` is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
