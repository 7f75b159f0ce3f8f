import { posix } from "node:path";
import { EngineError } from "../core/engine-error.ts";
import type { OciImageConfig } from "./oci-image.ts";
import { splitWords } from "./split-words.ts";

type Mutable = { -readonly [Key in keyof OciImageConfig]: OciImageConfig[Key] };

/**
 * The configuration after Dockerfile instructions (`--change`): CMD, ENTRYPOINT, ENV, WORKDIR, USER, EXPOSE, VOLUME, LABEL,
 * STOPSIGNAL and ONBUILD. As in a Dockerfile, ENTRYPOINT drops a command that these changes have not set.
 * @throws {EngineError} INVALID_CHANGE
 * @see https://docs.docker.com/reference/dockerfile/
 */
export function applyChanges(config: OciImageConfig, changes: readonly string[]): OciImageConfig {
  const result: Mutable = { ...config };
  let commandSet = false;
  for (const change of changes) {
    const match = /^\s*([A-Za-z]+)\s+([\s\S]*?)\s*$/.exec(change);
    const instruction = (match?.[1] ?? change).toUpperCase();
    const rest = match?.[2] ?? "";
    if (rest === "") throw invalid(change, `${instruction} needs an argument`);
    switch (instruction) {
      case "CMD":
        result.Cmd = command(rest);
        commandSet = true;
        break;
      case "ENTRYPOINT":
        result.Entrypoint = command(rest);
        if (!commandSet) delete result.Cmd;
        break;
      case "ENV":
        result.Env = mergeEnv(result.Env ?? [], pairs(rest, change));
        break;
      case "LABEL":
        result.Labels = { ...result.Labels, ...Object.fromEntries(pairs(rest, change)) };
        break;
      case "WORKDIR":
        result.WorkingDir = posix.resolve(result.WorkingDir === undefined || result.WorkingDir === "" ? "/" : result.WorkingDir, rest);
        break;
      case "USER":
        result.User = rest;
        break;
      case "EXPOSE":
        result.ExposedPorts = { ...result.ExposedPorts, ...keys(splitWords(rest).map((port) => exposedPort(port, change))) };
        break;
      case "VOLUME":
        result.Volumes = { ...result.Volumes, ...keys(jsonArray(rest) ?? splitWords(rest)) };
        break;
      case "STOPSIGNAL":
        result.StopSignal = rest;
        break;
      case "ONBUILD":
        result.OnBuild = [...(result.OnBuild ?? []), rest];
        break;
      default:
        throw invalid(change, `${instruction} is not a valid change command`);
    }
  }
  return result;
}

/** JSON form as it is, any other by a shell. */
function command(rest: string): readonly string[] {
  return jsonArray(rest) ?? ["/bin/sh", "-c", rest];
}

function jsonArray(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((item) => typeof item === "string") ? parsed : undefined;
  } catch {
    // Docker too takes a malformed array for the shell form
    return undefined;
  }
}

/** `NAME=VALUE …`, or the old form `NAME VALUE` for a single one. */
function pairs(rest: string, change: string): [string, string][] {
  const words = splitWords(rest);
  if (!(words[0] ?? "").includes("=")) {
    const match = /^(\S+)\s+([\s\S]+)$/.exec(rest);
    if (match === null) throw invalid(change, "must be of the form: name=value");
    return [[match[1] ?? "", match[2] ?? ""]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals <= 0) throw invalid(change, `"${word}" must be of the form: name=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function mergeEnv(env: readonly string[], added: readonly (readonly [string, string])[]): string[] {
  const merged = new Map(env.map((entry) => [entry.split("=", 1)[0] ?? "", entry]));
  for (const [name, value] of added) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

function exposedPort(port: string, change: string): string {
  const match = /^(\d{1,5})(-\d{1,5})?(?:\/(tcp|udp|sctp))?$/i.exec(port);
  if (match === null || Number(match[1]) > 65_535) throw invalid(change, `invalid containerPort: ${port}`);
  return `${match[1]}${match[2] ?? ""}/${(match[3] ?? "tcp").toLowerCase()}`;
}

function keys(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function invalid(change: string, why: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_CHANGE", message: `apply change \`${change}\`: ${why}` });
}
