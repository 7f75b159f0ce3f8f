import { readFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { configInvalid } from "../plan/plan-context.ts";

/** A bundle's configuration, and the text that it was read from. */
export interface BundleConfig {
  readonly config: OciConfig;
  readonly text: string;
  readonly rootfs: HostPath;
}

/**
 * Reads `config.json` of a bundle. Paths that the specification takes relative to the bundle come out absolute.
 * @throws {EngineError} CONFIG_INVALID naming the path in the JSON.
 */
export function readBundle(bundle: HostPath): BundleConfig {
  const path = `${bundle}/config.json`;
  const text = readConfigText(path);
  const config = parseJson(text, path) as OciConfig;
  if (config.root === undefined) throw configInvalid("`root` is missing");
  const rootfs = absolute(bundle, config.root.path);
  const mounts = (config.mounts ?? []).map((mount) => (isBind(mount) ? { ...mount, source: absolute(bundle, mount.source ?? "") } : mount));
  return { config: { ...config, mounts }, text: JSON.stringify({ ...config, mounts }), rootfs };
}

function isBind({ type, options = [] }: { readonly type?: string; readonly options?: readonly string[] }): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
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
    return JSON.parse(text);
  } catch (cause) {
    throw configInvalid(`\`${path}\` is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
