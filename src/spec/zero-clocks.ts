import type { OciTimeOffset } from "../plan/oci-config.ts";

/** The offsets of a time namespace whose clocks start at zero. */
export function zeroClocks(clocks: { readonly monotonicSeconds: number; readonly boottimeSeconds: number }): {
  monotonic: OciTimeOffset;
  boottime: OciTimeOffset;
} {
  return { monotonic: { secs: -clocks.monotonicSeconds, nanosecs: 0 }, boottime: { secs: -clocks.boottimeSeconds, nanosecs: 0 } };
}
