import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { invalidOption } from "../core/invalid-option.ts";
import type { VolumeRow } from "../state/volume-rows.ts";
import { volumePaths } from "./volume-paths.ts";

export const localDriver = "local";

/** What lies behind a volume, as its driver options say. */
export type VolumeBacking =
  /** A directory of Wherry's own. */
  | { readonly kind: "directory" }
  /** `-o o=bind -o device=PATH`: a directory of the host. */
  | { readonly kind: "bind"; readonly device: HostPath; readonly readonly: boolean }
  /** `-o type=tmpfs`: a memory file system of each container's own, with these options. */
  | { readonly kind: "tmpfs"; readonly options: readonly string[] };

/**
 * Reads the local driver's options: `type`, `device`, `o`. Pure.
 * @throws {EngineError} INVALID_OPTION in docker's words; NOT_IMPLEMENTED for other file systems and for quotas.
 */
export function parseBacking(name: string, options: Readonly<Record<string, string>>): VolumeBacking {
  for (const key of Object.keys(options)) {
    if (!["type", "device", "o", "size"].includes(key)) throw invalidOption(`create ${name}: invalid option: ${JSON.stringify(key)}`);
  }
  const { type, device, o = "", size } = options;
  if (size !== undefined) throw notThere(`create ${name}: quota size requested but no quota support`);
  if (Object.keys(options).length === 0) return { kind: "directory" };
  const words = o.split(",").filter((word) => word !== "");
  const bound = words.includes("bind") || words.includes("rbind");
  if (device === undefined || device === "") throw invalidOption(`create ${name}: missing required option: "device"`);
  if (type === undefined && !bound) throw invalidOption(`create ${name}: missing required option: "type"`);
  if (bound) {
    if (!device.startsWith("/")) throw invalidOption(`create ${name}: the device "${device}" to bind must be an absolute path`);
    return { kind: "bind", device: device as HostPath, readonly: words.includes("ro") };
  }
  if (type === "tmpfs") return { kind: "tmpfs", options: words };
  throw notThere(
    `create ${name}: volumes of type "${type ?? ""}" are not there: mount it on the host, then name that directory with -o type=none -o o=bind -o device=PATH`,
  );
}

/** @throws {EngineError} VOLUME_DRIVER_UNKNOWN */
export function checkDriver(name: string, driver: string): void {
  if (driver === localDriver || driver === "") return;
  throw new EngineError({
    kind: "notFound",
    code: "VOLUME_DRIVER_UNKNOWN",
    message: `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found: only \`local\` is there`,
  });
}

/** The directory to bind for a volume that has one. */
export function volumeSource(root: string, row: Pick<VolumeRow, "name" | "options">): HostPath {
  const backing = parseBacking(row.name, row.options);
  return backing.kind === "bind" ? backing.device : volumePaths(root, row.name).data;
}

function notThere(message: string): EngineError {
  return new EngineError({ kind: "notImplemented", code: "NOT_IMPLEMENTED", message });
}
