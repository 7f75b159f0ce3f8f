import { lstatSync, readFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { OciConfig } from "../plan/oci-config.ts";
import { parseConfig } from "../plan/oci/parse-config.ts";
import { settledMounts } from "../plan/oci/settled-mounts.ts";
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
  const value = parseJson(readConfigText(path), path);
  const given = await validConfig(value, memory?.entry(id, { valid: inNoOrder(value) }) ?? null);
  if (given.root === undefined) throw configInvalid("`root`: is missing");
  const rootfs = absolute(bundle, given.root.path);
  const config =
    memory === null || given.mounts === undefined
      ? given
      : { ...given, mounts: settledMounts(given.mounts, (destination) => isPlain(rootfs, destination)) };
  return { config, text: JSON.stringify(config), rootfs };
}

/** For what the order of mounts and variables, and the text of annotations, make no difference: whether they are valid. */
function inNoOrder(value: unknown): unknown {
  const mounts = listIn(value, "mounts");
  const process = typeof value === "object" && value !== null && "process" in value ? value.process : undefined;
  const env = listIn(process, "env");
  const annotations = textsIn(value, "annotations");
  return {
    ...(value as object),
    ...(mounts === undefined ? {} : { mounts }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(env === undefined ? {} : { process: { ...(process as object), env } }),
  };
}

/** Its names; undefined where one is of something else than a text. */
function textsIn(value: unknown, name: string): readonly string[] | undefined {
  const texts = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  if (typeof texts !== "object" || texts === null || !Object.values(texts).every((text) => typeof text === "string")) return undefined;
  return Object.keys(texts);
}

/** Its elements, in an order of their own. */
function listIn(value: unknown, name: string): readonly string[] | undefined {
  const list = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  return Array.isArray(list) ? list.map((element: unknown) => JSON.stringify(element) ?? "null").sort() : undefined;
}

/** Whether a path in the root file system leads where its name says, as far as it is there. */
function isPlain(rootfs: HostPath, path: string): boolean {
  let at: string = rootfs;
  for (const name of path.split("/").filter((part) => part !== "")) {
    at += `/${name}`;
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return true;
    if (stat.isSymbolicLink()) return false;
  }
  return true;
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
