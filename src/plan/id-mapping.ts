import type { OciIdMapping } from "./oci-config.ts";

/** The host's id for a container's id; undefined when the mapping doesn't cover it. No mapping at all means no user namespace: the id itself. */
export function toHostId(mappings: readonly OciIdMapping[] | null, id: number): number | undefined {
  if (mappings === null) return id;
  const range = mappings.find((entry) => id >= entry.containerID && id - entry.containerID < entry.size);
  return range === undefined ? undefined : range.hostID + (id - range.containerID);
}

/** A mapping as `/proc/PID/uid_map` takes it. */
export function formatIdMap(mappings: readonly OciIdMapping[]): string {
  return mappings.map((entry) => `${entry.containerID} ${entry.hostID} ${entry.size}\n`).join("");
}
