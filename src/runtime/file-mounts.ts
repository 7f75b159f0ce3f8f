import { statSync } from "node:fs";
import type { OciConfig } from "../plan/oci-config.ts";

/**
 * Destinations of the bind mounts whose source is there and no directory: what PlanInput wants to know of them.
 * @param bundle where relative sources start
 */
export function fileMounts(config: OciConfig, bundle = ""): readonly string[] {
  const binds = (config.mounts ?? []).filter(
    ({ type, options }) => type === "bind" || options?.includes("bind") || options?.includes("rbind"),
  );
  return binds
    .filter(
      ({ source }) =>
        source !== undefined &&
        statSync(source.startsWith("/") ? source : `${bundle}/${source}`, { throwIfNoEntry: false })?.isDirectory() === false,
    )
    .map(({ destination }) => destination);
}
