import type { VolumeView } from "../../engine/engine.ts";

export const volumeHeadings = {
  Availability: "AVAILABILITY",
  Driver: "DRIVER",
  Group: "GROUP",
  Labels: "LABELS",
  Links: "LINKS",
  Mountpoint: "MOUNTPOINT",
  Name: "VOLUME NAME",
  Scope: "SCOPE",
  Size: "SIZE",
  Status: "STATUS",
} as const;

/** One volume as `volume ls --format` sees it: docker's fields; those of clusters and of `system df` have no value here, as there. */
export function volumeRow(volume: VolumeView) {
  return {
    Availability: "N/A",
    Driver: volume.driver,
    Group: "N/A",
    Labels: Object.entries(volume.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    Links: "N/A",
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Scope: "local",
    Size: "N/A",
    Status: "N/A",
    Label: (name: unknown) => volume.labels[String(name)] ?? "",
  };
}
