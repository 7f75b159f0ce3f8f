import { describeDuration } from "../../core/duration.ts";
import { shortId } from "../../core/ids.ts";
import { formatDecimalSize } from "../../core/size.ts";
import type { ImageSummary } from "../../engine/engine.ts";
import { goLocalTime } from "../docker-json/docker-time.ts";

export const imageHeadings = {
  Containers: "CONTAINERS",
  CreatedAt: "CREATED AT",
  CreatedSince: "CREATED",
  Digest: "DIGEST",
  ID: "IMAGE ID",
  Repository: "REPOSITORY",
  SharedSize: "SHARED SIZE",
  Size: "SIZE",
  Tag: "TAG",
  UniqueSize: "UNIQUE SIZE",
  VirtualSize: "SIZE",
} as const;

/** One name of an image as `images --format` sees it; an image without names is one row of `<none>`. */
export function imageRow(
  image: ImageSummary,
  view: { readonly reference: string | undefined; readonly digest?: string | undefined; readonly now: Date; readonly truncate: boolean },
) {
  const { repository, tag } = splitReference(view.reference);
  return {
    Containers: String(image.containers),
    get CreatedAt() {
      return goLocalTime(image.createdAt);
    },
    get CreatedSince() {
      // The year 1: its configuration does not say.
      return image.createdAt.getTime() < 0 ? "N/A" : `${describeDuration(view.now.getTime() - image.createdAt.getTime())} ago`;
    },
    Digest: view.digest ?? "<none>",
    ID: view.truncate ? shortId(image.id) : image.id,
    Repository: repository,
    SharedSize: "N/A",
    Size: formatDecimalSize(image.sizeBytes),
    Tag: tag,
    UniqueSize: "N/A",
    VirtualSize: formatDecimalSize(image.sizeBytes),
  };
}

/** `host:5000/name:tag` in its two parts: a colon before the last slash belongs to the host. */
export function splitReference(reference: string | undefined): { readonly repository: string; readonly tag: string } {
  if (reference === undefined) return { repository: "<none>", tag: "<none>" };
  const at = reference.indexOf("@");
  if (at >= 0) return { repository: splitReference(reference.slice(0, at)).repository, tag: "<none>" };
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return { repository: reference, tag: "<none>" };
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
