import { statSync } from "node:fs";
import type { OciConfig } from "../plan/oci-config.ts";

/** Destinations of the bind mounts whose source is there and no directory: what PlanInput wants to know of them. */
export function fileMounts(config: OciConfig): readonly string[] {
  const binds = (config.mounts ?? []).filter(
    ({ type, options }) => type === "bind" || options?.includes("bind") || options?.includes("rbind"),
  );
  return binds
    .filter(({ source }) => source !== undefined && statSync(source, { throwIfNoEntry: false })?.isDirectory() === false)
    .map(({ destination }) => destination);
}
