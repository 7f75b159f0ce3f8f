import type { OciLinux } from "./oci-config.ts";

/** What is written to /proc/PID/timens_offsets, a line a clock; empty when none is given. @see time_namespaces(7) */
export function clockOffsets(offsets: OciLinux["timeOffsets"]): string {
  return (["monotonic", "boottime"] as const)
    .map((clock) => {
      const offset = offsets?.[clock];
      return offset === undefined ? "" : `${clock} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n`;
    })
    .join("");
}
