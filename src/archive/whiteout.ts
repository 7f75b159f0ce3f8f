import type { ByteString } from "../core/byte-string.ts";
import { invalidTar, type TarEntry } from "./tar-entry.ts";

/**
 * What an entry of an OCI layer says about the layers below.
 * `hide`: `path` of the lower layers is gone. `opaque`: nothing of the lower layers' directory `path` shows. `ignore`: a mark of
 * AUFS with no meaning here.
 * @see image-spec layer.md#whiteouts
 */
export type Whiteout = { readonly kind: "hide" | "opaque"; readonly path: ByteString } | { readonly kind: "ignore" };

const prefix = ".wh.";

/** The whiteout that an entry is, or undefined for an ordinary one. @throws {EngineError} TAR_INVALID for one that names nothing. */
export function whiteoutOf(entry: TarEntry): Whiteout | undefined {
  const slash = entry.path.lastIndexOf("/");
  const name = entry.path.slice(slash + 1);
  if (!name.startsWith(prefix)) return undefined;
  const parent = slash < 0 ? "" : entry.path.slice(0, slash);
  if (name === ".wh..wh..opq") return { kind: "opaque", path: (parent === "" ? "." : parent) as ByteString };
  if (name.startsWith(".wh..wh.")) return { kind: "ignore" };
  const hidden = name.slice(prefix.length);
  // `.wh...` would hide the parent directory's parent.
  if (hidden === "" || hidden === "." || hidden === "..") throw invalidTar("a whiteout that names nothing", entry.path);
  return { kind: "hide", path: (parent === "" ? hidden : `${parent}/${hidden}`) as ByteString };
}

export function hidingPath(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return `${path.slice(0, slash + 1)}${prefix}${path.slice(slash + 1)}` as ByteString;
}

export function opaquePath(directory: ByteString): ByteString {
  return (directory === "." ? ".wh..wh..opq" : `${directory}/.wh..wh..opq`) as ByteString;
}
