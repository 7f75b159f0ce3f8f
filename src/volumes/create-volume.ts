import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { faultPoint } from "../core/fault-point.ts";
import { randomHex } from "../core/random.ts";
import { timestampNow } from "../core/timestamp.ts";
import { spreadDirectories } from "../kernel/spread-directories.ts";
import { getVolume, insertVolume, type VolumeRow } from "../state/volume-rows.ts";
import { checkDriver, localDriver, parseBacking } from "./local-driver.ts";
import { settleVolume } from "./settle-volume.ts";
import type { VolumeHost } from "./volume-host.ts";
import { checkVolumeName } from "./volume-name.ts";
import { volumePaths, volumesDirectory } from "./volume-paths.ts";

export interface VolumeOptions {
  /** Absent or empty: a random one, and the volume counts as anonymous. */
  readonly name?: string;
  readonly driver?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/**
 * Makes a volume, on disk when it resolves. Idempotent as docker's: one of that name stays as it is, whatever the options say.
 * @throws {EngineError} INVALID_OPTION, VOLUME_DRIVER_UNKNOWN, NOT_IMPLEMENTED
 */
export async function createVolume(host: VolumeHost, options: VolumeOptions): Promise<VolumeRow> {
  const wanted = newVolume(options);
  for (;;) {
    await settleVolume(host, wanted.name);
    const row = host.store.durably(() => (insertVolume(host.store, wanted) ? wanted : getVolume(host.store, wanted.name)));
    if (row === undefined || row.status === "removing") continue;
    faultPoint("volume-row-stored");
    ensureVolumeDirectory(host.root, row.name);
    faultPoint("volume-directory-made");
    host.bell.ring();
    return row;
  }
}

/**
 * The row of a new volume; nothing is stored.
 * @throws {EngineError} as `createVolume`
 */
export function newVolume(options: VolumeOptions): VolumeRow {
  const { driver = localDriver, labels = {}, driverOptions = {} } = options;
  const anonymous = options.name === undefined || options.name === "";
  const name = anonymous ? randomHex(32) : checkVolumeName(options.name);
  checkDriver(name, driver);
  parseBacking(name, driverOptions);
  return {
    name,
    driver: localDriver,
    createdAt: timestampNow(),
    labels,
    options: driverOptions,
    anonymous,
    status: "ready",
    owner: null,
  };
}

/** Also for a row whose maker died before it had made it. Idempotent. Modes are set whatever the caller's umask. */
export function ensureVolumeDirectory(root: string, name: string): void {
  const { directory, data } = volumePaths(root, name);
  if (existsSync(data)) return;
  if (makeDirectory(volumesDirectory(root), 0o700)) spreadDirectories(volumesDirectory(root));
  makeDirectory(directory, 0o700);
  makeDirectory(data, 0o755);
}

/** False when it was there. */
function makeDirectory(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (code !== "ENOENT") throw error;
    mkdirSync(path, { recursive: true, mode });
  }
  if ((process.umask() & mode) !== 0) chmodSync(path, mode);
  return true;
}
