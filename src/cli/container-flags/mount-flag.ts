import { absolutePath } from "./absolute-path.ts";
import type { MountOption } from "../../spec/container-options.ts";
import { parseSize } from "../../core/size.ts";
import { invalidValue } from "../flags/flag-spec.ts";
import { splitCsv } from "./csv.ts";
import { isPropagation, volumesNotImplemented } from "./volume-flag.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `--mount type=bind,source=/a,target=/b,readonly`: docker's keys, of any case, with CSV quoting. A missing source is an error later on. */
export function parseMount(text: string): MountOption {
  const mount: Partial<Mutable<MountOption>> = {};
  let type = "volume";
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (key === "type") type = requireValue(field, value).toLowerCase();
    else applyField(mount, { field, key, value });
  }
  if (type === "volume") throw volumesNotImplemented("a mount of type volume");
  if (type !== "bind" && type !== "tmpfs") throw invalidValue(`unknown mount type "${type}": use bind or tmpfs`);
  const { target } = mount;
  if (target === undefined || target === "") throw invalidValue("target is required");
  if (!target.startsWith("/")) throw invalidValue(`the target "${target}" must be an absolute path`);
  if (type === "bind" && mount.source === undefined) throw invalidValue("a bind mount needs source=HOST-PATH");
  if (type === "tmpfs" && mount.source !== undefined) throw invalidValue("a tmpfs mount has no source");
  if (type !== "tmpfs" && (mount.tmpfsSizeBytes !== undefined || mount.tmpfsMode !== undefined))
    throw invalidValue(`tmpfs options don't go with type=${type}`);
  if (type !== "bind" && (mount.propagation !== undefined || mount.nonRecursive !== undefined))
    throw invalidValue(`bind options don't go with type=${type}`);
  return { ...mount, type, target, ...(type === "bind" ? { createSource: false } : {}) };
}

function applyField(
  mount: Partial<Mutable<MountOption>>,
  given: { readonly field: string; readonly key: string; readonly value: string | undefined },
): void {
  const { field, key, value } = given;
  switch (key) {
    case "source":
    case "src": {
      const source = requireValue(field, value);
      if (!source.startsWith("/") && !source.startsWith("."))
        throw invalidValue(`the source "${source}" must be an absolute path, or start with ./`);
      mount.source = absolutePath(source);
      return;
    }
    case "target":
    case "dst":
    case "destination":
      mount.target = requireValue(field, value);
      return;
    case "readonly":
    case "ro":
      mount.readonly = parseTruth(field, value);
      return;
    case "bind-propagation": {
      const propagation = requireValue(field, value).toLowerCase();
      if (!isPropagation(propagation)) throw invalidValue(`unknown propagation "${propagation}"`);
      mount.propagation = propagation;
      return;
    }
    case "bind-nonrecursive":
      mount.nonRecursive = parseTruth(field, value);
      return;
    case "bind-recursive":
      if (value === "disabled") mount.nonRecursive = true;
      else if (value !== "enabled") throw invalidValue(`bind-recursive is enabled or disabled here, not "${value ?? ""}"`);
      return;
    case "tmpfs-size":
      mount.tmpfsSizeBytes = parseSize(requireValue(field, value));
      return;
    case "tmpfs-mode": {
      const mode = requireValue(field, value);
      if (!/^[0-7]{1,5}$/.test(mode)) throw invalidValue(`tmpfs-mode "${mode}" is not an octal mode such as 1777`);
      mount.tmpfsMode = Number.parseInt(mode, 8);
      return;
    }
    case "consistency":
      return;
    default:
      throw invalidValue(`unexpected key '${key}' in '${field}'`);
  }
}

function requireValue(field: string, value: string | undefined): string {
  if (value === undefined || value === "") throw invalidValue(`invalid field '${field}' must be a key=value pair`);
  return value;
}

function parseTruth(field: string, value: string | undefined): boolean {
  if (value === undefined || value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw invalidValue(`invalid value in '${field}': use true or false`);
}
