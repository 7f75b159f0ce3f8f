import { absolutePath } from "./absolute-path.ts";
import type { MountOption } from "../../spec/container-options.ts";
import { EngineError } from "../../core/engine-error.ts";
import { invalidValue } from "../flags/flag-spec.ts";

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;
export type Propagation = (typeof PROPAGATIONS)[number];

export function isPropagation(text: string): text is Propagation {
  return (PROPAGATIONS as readonly string[]).includes(text);
}

/**
 * `-v HOST:CONTAINER[:OPTIONS]`. A host path that starts with `.` counts from the working directory; a missing one is created, as docker
 * does for `-v` only.
 */
export function parseVolume(text: string): MountOption {
  const parts = text.split(":");
  const [source = "", target, modes = ""] = parts;
  if (target === undefined) {
    if (!source.startsWith("/")) throw invalidValue("use HOST-PATH:CONTAINER-PATH[:ro]");
    throw volumesNotImplemented("an anonymous volume");
  }
  if (parts.length > 3 || target === "") throw invalidValue("use HOST-PATH:CONTAINER-PATH[:ro]");
  if (!target.startsWith("/")) throw invalidValue(`the path in the container, "${target}", must be absolute`);
  if (!source.startsWith("/") && !source.startsWith(".")) {
    if (source === "") throw invalidValue("the host path before the colon is empty");
    throw volumesNotImplemented(`the named volume \`${source}\``);
  }
  return { type: "bind", source: absolutePath(source), target, createSource: true, ...parseModes(modes) };
}

function parseModes(modes: string): { readonly readonly: boolean; readonly propagation?: Propagation } {
  let readonly = false;
  let propagation: Propagation | undefined;
  for (const mode of modes === "" ? [] : modes.split(",")) {
    if (mode === "ro") readonly = true;
    else if (isPropagation(mode)) propagation = mode;
    // z and Z relabel for SELinux, the rest are hints for Docker Desktop: nothing to do on such hosts.
    else if (!["rw", "z", "Z", "consistent", "cached", "delegated"].includes(mode))
      throw invalidValue(`unknown mode "${mode}": use ro, rw or a propagation (${PROPAGATIONS.join(", ")})`);
  }
  return { readonly, ...(propagation === undefined ? {} : { propagation }) };
}

export function volumesNotImplemented(what: string): EngineError {
  return new EngineError({
    kind: "notImplemented",
    code: "NOT_IMPLEMENTED",
    message: `${what} is not implemented yet: give a directory of the host, -v /HOST/PATH:/CONTAINER/PATH`,
  });
}
