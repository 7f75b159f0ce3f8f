import { absolutePath } from "./absolute-path.ts";
import type { MountOption, VolumeMountOptions } from "../../spec/container-options.ts";
import { parseSize } from "../../core/size.ts";
import { invalidValue } from "../flags/flag-spec.ts";
import { splitCsv } from "./csv.ts";
import { parseIdMap } from "./id-map-flag.ts";
import { isPropagation } from "./volume-flag.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Partial<Mutable<Omit<MountOption, "volume">>> & { volume: Mutable<VolumeMountOptions> };

const types = ["bind", "volume", "tmpfs", "image"] as const;
/** Which keys go with which types only. */
const keysOfType: Readonly<Record<string, readonly (typeof types)[number][]>> = {
  "bind-propagation": ["bind"],
  "bind-nonrecursive": ["bind"],
  "bind-recursive": ["bind"],
  idmap: ["bind", "volume"],
  "volume-subpath": ["volume"],
  "volume-nocopy": ["volume"],
  "volume-label": ["volume"],
  "volume-driver": ["volume"],
  "volume-opt": ["volume"],
  "image-subpath": ["image"],
  "tmpfs-size": ["tmpfs"],
  "tmpfs-mode": ["tmpfs"],
};

/** `--mount type=bind,source=/a,target=/b,readonly`: docker's keys, of any case, with CSV quoting. A missing source is an error later on. */
export function parseMount(text: string): MountOption {
  const draft: Draft = { volume: {} };
  const keys = new Set<string>();
  let type = "volume";
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (key === "type") type = requireValue(field, value).toLowerCase();
    else applyField(draft, { field, key, value });
    keys.add(key);
  }
  if (!isType(type)) throw invalidValue(`unknown mount type "${type}": use ${types.join(", ")}`);
  for (const key of keys) {
    if (keysOfType[key]?.includes(type) === false) throw invalidValue(`cannot mix '${key}' with mount type '${type}'`);
  }
  return finish(draft, type);
}

function finish({ volume, ...draft }: Draft, type: (typeof types)[number]): MountOption {
  const { target, source } = draft;
  if (target === undefined || target === "") throw invalidValue("target is required");
  if (!target.startsWith("/")) throw invalidValue(`the target "${target}" must be an absolute path`);
  const mount: Mutable<MountOption> = { ...draft, type, target, origin: "mount" };
  if (Object.keys(volume).length > 0) mount.volume = volume;
  if (type === "bind") {
    if (source === undefined) throw invalidValue("a bind mount needs source=HOST-PATH");
    if (!source.startsWith("/") && !source.startsWith("."))
      throw invalidValue(`the source "${source}" must be an absolute path, or start with ./`);
    mount.source = absolutePath(source);
    mount.createSource = false;
    // As docker: what asks for one thing and for its opposite is refused.
    if (mount.recursiveReadonly === "readonly" && mount.readonly !== true)
      throw invalidValue("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
    if (mount.recursiveReadonly === "readonly" && mount.propagation !== "rprivate")
      throw invalidValue("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction");
  }
  if (type === "volume" && source !== undefined && /[/:]/.test(source))
    throw invalidValue(`"${source}" is not a volume's name; for a directory of the host use type=bind`);
  if (type === "tmpfs" && source !== undefined) throw invalidValue("a tmpfs mount has no source");
  if (type === "image") {
    if (source === undefined) throw invalidValue("an image mount needs source=IMAGE");
    mount.readonly = true;
  }
  return mount;
}

function isType(text: string): text is (typeof types)[number] {
  return (types as readonly string[]).includes(text);
}

function applyField(mount: Draft, given: { readonly field: string; readonly key: string; readonly value: string | undefined }): void {
  const { field, key, value } = given;
  switch (key) {
    case "source":
    case "src":
      mount.source = requireValue(field, value);
      return;
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
      applyRecursive(mount, value);
      return;
    case "volume-subpath":
    case "image-subpath":
      mount.subpath = checkSubpath(requireValue(field, value));
      return;
    case "volume-nocopy":
      mount.volume.noCopy = parseTruth(field, value);
      return;
    case "volume-driver":
      mount.volume.driver = requireValue(field, value);
      return;
    case "volume-label":
      mount.volume.labels = { ...mount.volume.labels, ...parsePair(requireValue(field, value)) };
      return;
    case "volume-opt":
      mount.volume.driverOptions = { ...mount.volume.driverOptions, ...parsePair(requireValue(field, value)) };
      return;
    case "idmap":
      mount.idmap = parseIdMap(value ?? "");
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

function applyRecursive(mount: Draft, value: string | undefined): void {
  switch (value) {
    case "enabled":
      return;
    case "disabled":
      mount.nonRecursive = true;
      return;
    case "writable":
    case "readonly":
      mount.recursiveReadonly = value;
      return;
    default:
      throw invalidValue(`invalid value for bind-recursive: ${value ?? ""}: use enabled, disabled, writable or readonly`);
  }
}

/** Where it leads is checked when it is mounted; here only what it says. */
function checkSubpath(path: string): string {
  if (path.startsWith("/")) throw invalidValue(`the subpath "${path}" must be a relative path`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || parts.length === 0) throw invalidValue(`the subpath "${path}" must be within the mount`);
  return parts.join("/");
}

function parsePair(text: string): Record<string, string> {
  const equals = text.indexOf("=");
  return equals < 0 ? { [text]: "" } : { [text.slice(0, equals)]: text.slice(equals + 1) };
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
