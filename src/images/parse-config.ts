import type { DiffId } from "../core/brands.ts";
import { type JsonValue, parseJsonDocument } from "./json-document.ts";
import { normalizeConfig } from "./normalize-config.ts";
import type { OciImage } from "./oci-image.ts";

export const maxConfigBytes = 4 * 1024 * 1024;

/** A configuration whose every field that is read here has been checked. */
export interface ReceivedConfig {
  readonly image: OciImage;
  /** JSON of that. */
  readonly text: string;
  readonly diffIds: readonly DiffId[];
  /** RFC 3339, UTC; the year 1 when there is none, as docker has it. */
  readonly createdAt: string;
}

/**
 * Checks an image's configuration from outside: what is read of it later has the type that it is taken for.
 * @throws {EngineError} IMAGE_INVALID, which names the first field that is wrong
 * @see image-spec config.md
 */
export function parseConfig(bytes: Uint8Array): ReceivedConfig {
  const received = parseJsonDocument(bytes, "image configuration", maxConfigBytes);
  const document = received.as(normalizeConfig(received.value));
  for (const name of ["architecture", "os", "variant", "author", "comment", "docker_version"]) text(document.field(name));
  const created = checkTime(document.field("created"));
  checkRuntime(document.field("config"));
  const layers = checkHistory(document.field("history"));
  const rootfs = document.field("rootfs");
  const type = rootfs.isAbsent ? undefined : rootfs.field("type");
  if (type !== undefined && type.optionalString() !== undefined && type.value !== "layers") throw type.invalid("is not `layers`");
  const diffIds = rootfs.isAbsent ? [] : rootfs.field("diff_ids").items().map(parseDiffId);
  if (layers > diffIds.length) {
    throw document.field("history").invalid(`tells of ${layers} layers, \`rootfs.diff_ids\` names ${diffIds.length}`);
  }
  const image = document.value as OciImage;
  const asRead = document.value === received.value ? Buffer.from(bytes).toString("utf8") : JSON.stringify(image);
  return { image, text: asRead, diffIds, createdAt: created ?? "0001-01-01T00:00:00Z" };
}

function checkRuntime(config: JsonValue): void {
  if (config.isAbsent) return;
  for (const name of ["User", "WorkingDir", "StopSignal"]) text(config.field(name));
  for (const name of ["Env", "Entrypoint", "Cmd", "OnBuild", "Shell"]) for (const item of config.field(name).items()) text(item, true);
  for (const name of ["ExposedPorts", "Volumes"]) for (const [, value] of config.field(name).entries()) value.entries();
  for (const [, label] of config.field("Labels").entries()) label.string();
  const escaped = config.field("ArgsEscaped");
  if (!escaped.isAbsent && typeof escaped.value !== "boolean") throw escaped.invalid("is not true or false");
  const health = config.field("Healthcheck");
  if (!health.isAbsent) for (const word of health.field("Test").items()) word.string();
}

/** How many of the steps made a layer. */
function checkHistory(history: JsonValue): number {
  let layers = 0;
  for (const step of history.items()) {
    checkTime(step.field("created"));
    for (const name of ["created_by", "author", "comment"]) step.field(name).optionalString();
    const empty = step.field("empty_layer");
    if (!empty.isAbsent && typeof empty.value !== "boolean") throw empty.invalid("is not true or false");
    if (empty.value !== true) layers++;
  }
  return layers;
}

function checkTime(from: JsonValue): string | undefined {
  const time = from.optionalString();
  if (time === undefined || time === "") return undefined;
  const millis = /^\d{4}-\d\d-\d\dT/.test(time) ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(millis)) throw from.invalid("is not a time (RFC 3339)");
  return time.endsWith("Z") ? time : new Date(millis).toISOString();
}

function text(from: JsonValue, required = false): void {
  const found = required ? from.string() : from.optionalString();
  // What becomes an argument of a system call ends there.
  if (found?.includes("\0") === true) throw from.invalid("holds a NUL");
}

function parseDiffId(from: JsonValue): DiffId {
  const diffId = from.string();
  if (!/^sha256:[0-9a-f]{64}$/.test(diffId)) throw from.invalid("is not a sha256 digest");
  return diffId as DiffId;
}
