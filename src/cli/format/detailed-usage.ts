import { formatDecimalSize } from "../../core/size.ts";
import type { CliContext } from "../cli-context.ts";
import { containerHeadings, containerRow } from "./container-row.ts";
import { formatList, formatOne } from "./format-list.ts";
import { imageHeadings, imageRow } from "./image-row.ts";

const IMAGES = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}";
const CONTAINERS = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}";
const VOLUMES = "{{.Name}}\t{{.Links}}\t{{.Size}}";

/** `system df -v`, in docker's form. */
export async function detailedUsage(context: CliContext, format: string | undefined): Promise<string> {
  const engine = await context.engine();
  const view = { now: context.now(), truncate: true };
  const images = (await engine.images.usage()).images.map((image) => {
    const shared = image.sharedBytes;
    return {
      ...imageRow(image, { ...view, reference: image.references[0] }),
      Size: formatDecimalSize(image.diskBytes),
      SharedSize: formatDecimalSize(shared),
      UniqueSize: formatDecimalSize(image.diskBytes - shared),
    };
  });
  const containers = (await engine.containers.usage()).map((container) => ({
    ...containerRow(container, view),
    LocalVolumes: String(container.mounts.filter(({ type }) => type === "volume").length),
    Size: formatDecimalSize(container.diskBytes),
  }));
  const volumes = (await engine.volumes.usage()).map(({ name, users, sizeBytes }) => ({
    Name: name,
    Links: String(users.length),
    Size: formatDecimalSize(sizeBytes),
  }));
  if (format !== undefined && format !== "")
    return formatOne({ Images: images, Containers: containers, Volumes: volumes, BuildCache: [] }, format);
  const table = (defaultColumns: string, headings: Readonly<Record<string, string>>, rows: readonly object[]) =>
    formatList({ defaultColumns, headings, rows });
  return [
    `Images space usage:\n\n${table(IMAGES, imageHeadings, images)}`,
    `Containers space usage:\n\n${table(CONTAINERS, { ...containerHeadings, LocalVolumes: "LOCAL VOLUMES" }, containers)}`,
    `Local Volumes space usage:\n\n${table(VOLUMES, { Name: "VOLUME NAME", Links: "LINKS", Size: "SIZE" }, volumes)}`,
    "Build cache usage: 0B\n",
  ].join("\n");
}
