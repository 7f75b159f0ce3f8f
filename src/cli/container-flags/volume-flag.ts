import { absolutePath } from "./absolute-path.ts";
import type { IdMapOption, MountOption } from "../../spec/container-options.ts";
import { invalidValue } from "../flags/flag-spec.ts";
import { parseIdMap } from "./id-map-flag.ts";

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;
export type Propagation = (typeof PROPAGATIONS)[number];

export function isPropagation(text: string): text is Propagation {
  return (PROPAGATIONS as readonly string[]).includes(text);
}

/**
 * `-v /HOST:/CONTAINER[:OPTIONS]`, `-v NAME:/CONTAINER[:OPTIONS]`, `-v /CONTAINER`. A host path that starts with `.` counts from the working
 * directory; a missing one is created, as docker does for `-v` only. What has no slash is a volume's name.
 */
export function parseVolume(text: string): MountOption {
  const parts = text.split(":");
  const [source = "", target, modes = ""] = parts;
  if (target === undefined) {
    if (!source.startsWith("/")) throw invalidValue(`the path in the container, "${source}", must be absolute; or use NAME:CONTAINER-PATH`);
    return { type: "volume", target: source };
  }
  if (parts.length > 3 || target === "") throw invalidValue("use HOST-PATH:CONTAINER-PATH[:ro] or NAME:CONTAINER-PATH[:ro]");
  if (!target.startsWith("/")) throw invalidValue(`the path in the container, "${target}", must be absolute`);
  if (source === "") throw invalidValue("the host path or volume name before the colon is empty");
  const bound = source.startsWith("/") || source.startsWith(".");
  const { noCopy, ...mode } = parseModes(modes, bound);
  if (bound) return { type: "bind", source: absolutePath(source), target, createSource: true, ...mode };
  return { type: "volume", source, target, ...mode, ...(noCopy ? { volume: { noCopy } } : {}) };
}

interface Modes {
  readonly readonly: boolean;
  readonly noCopy: boolean;
  readonly propagation?: Propagation;
  readonly idmap?: IdMapOption;
}

function parseModes(modes: string, bound: boolean): Modes {
  let access: string | undefined;
  let noCopy = false;
  let propagation: Propagation | undefined;
  let idmap: IdMapOption | undefined;
  for (const mode of modes === "" ? [] : modes.split(",")) {
    if (mode === "ro" || mode === "rw") {
      if (access !== undefined) throw invalidValue(`invalid mode: ${modes}`);
      access = mode;
    } else if (bound && isPropagation(mode)) propagation = mode;
    else if (!bound && mode === "nocopy") noCopy = true;
    else if (mode === "idmap" || mode.startsWith("idmap=")) idmap = parseIdMap(mode.slice("idmap=".length));
    // z and Z relabel for SELinux, the rest are hints for Docker Desktop: nothing to do on such hosts.
    else if (!["z", "Z", "consistent", "cached", "delegated"].includes(mode))
      throw invalidValue(
        `invalid mode: ${modes}: use ro, rw, idmap${bound ? ` or a propagation (${PROPAGATIONS.join(", ")})` : " or nocopy; a propagation is for host paths"}`,
      );
  }
  return {
    readonly: access === "ro",
    noCopy,
    ...(propagation === undefined ? {} : { propagation }),
    ...(idmap === undefined ? {} : { idmap }),
  };
}
