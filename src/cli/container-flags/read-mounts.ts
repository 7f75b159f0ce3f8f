import type { MountOption } from "../../spec/container-options.ts";
import { flagValueError } from "../flags/parse-flags.ts";
import type { ContainerFlagValues } from "./container-options.ts";
import { parseMount } from "./mount-flag.ts";
import { parseTmpfs } from "./tmpfs-flag.ts";
import { parseVolume } from "./volume-flag.ts";

/**
 * What `-v`, `--mount` and `--tmpfs` say. Not parsed with the other flags: few containers have any, and only those load this.
 * @throws {EngineError} CLI_FLAG_VALUE_INVALID
 */
export function readMounts(values: Pick<ContainerFlagValues, "volume" | "mount" | "tmpfs" | "volume-driver">): readonly MountOption[] {
  const read = (texts: readonly string[], shown: string, parse: (text: string) => MountOption) =>
    texts.map((text) => {
      try {
        return parse(text);
      } catch (error) {
        throw flagValueError(text, shown, error);
      }
    });
  return [
    ...withDriver(read(values.volume, "-v, --volume", parseVolume), values["volume-driver"]),
    ...read(values.mount, "--mount", parseMount),
    ...read(values.tmpfs, "--tmpfs", parseTmpfs),
  ];
}

/** `--volume-driver` is for the volumes of `-v` only, as in docker. */
function withDriver(mounts: readonly MountOption[], driver: string | undefined): readonly MountOption[] {
  if (driver === undefined) return mounts;
  return mounts.map((mount) => (mount.type === "volume" ? { ...mount, volume: { ...mount.volume, driver } } : mount));
}
