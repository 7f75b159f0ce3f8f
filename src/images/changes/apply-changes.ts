import { posix } from "node:path";
import { EngineError } from "../../core/engine-error.ts";
import { parseSignal } from "../../core/signals.ts";
import type { OciImageConfig } from "../oci-image.ts";
import { expandList, expandWord } from "./expand-word.ts";
import { exposedPorts } from "./exposed-ports.ts";
import { parseHealthCheck } from "./health-check.ts";
import { type Instruction, invalidChange, jsonList, parseInstructions } from "./instructions.ts";
import { parseNameValues } from "./name-values.ts";

type Mutable = { -readonly [Key in keyof OciImageConfig]: OciImageConfig[Key] };

/**
 * The configuration after Dockerfile instructions (`--change`): CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER,
 * VOLUME and WORKDIR, in docker's forms; variables are those of the configuration so far. As in a Dockerfile, ENTRYPOINT drops a command
 * that these changes have not set; but an image that would have neither keeps the command it had.
 * @throws {EngineError} INVALID_CHANGE, in docker's words
 * @see https://docs.docker.com/reference/dockerfile/
 */
export function applyChanges(config: OciImageConfig, changes: readonly string[]): OciImageConfig {
  if (changes.length === 0) return { ...config };
  const changing: Changing = { result: { ...config }, commandSet: false };
  for (const instruction of parseInstructions(changes.join("\n"))) {
    const apply = Object.hasOwn(instructions, instruction.name) ? instructions[instruction.name] : undefined;
    if (apply === undefined) throw invalidChange(`${instruction.name} is not a valid change command`);
    if (instruction.rest === "") throw withoutArguments(instruction);
    apply(changing, instruction.rest);
  }
  const { result } = changing;
  if (isEmpty(result.Entrypoint) && isEmpty(result.Cmd) && !isEmpty(config.Cmd)) result.Cmd = config.Cmd ?? null;
  return result;
}

interface Changing {
  readonly result: Mutable;
  commandSet: boolean;
}

const instructions: Readonly<Record<string, (changing: Changing, rest: string) => void>> = {
  cmd(changing, rest) {
    changing.result.Cmd = command(rest);
    changing.commandSet = true;
  },
  entrypoint(changing, rest) {
    changing.result.Entrypoint = command(rest);
    if (!changing.commandSet) delete changing.result.Cmd;
  },
  env({ result }, rest) {
    const pairs = parseNameValues("ENV", rest);
    const env = result.Env ?? [];
    const merged = new Map(env.map((entry) => [entry.split("=", 1)[0] ?? "", entry]));
    // All of one instruction see what was before it.
    for (const [name, value] of pairs) merged.set(expandWord(name, env), `${expandWord(name, env)}=${expandWord(value, env)}`);
    result.Env = [...merged.values()];
  },
  expose({ result }, rest) {
    const ports = rest.split(/\s+/).flatMap((word) => expandList(word, result.Env ?? []).flatMap(exposedPorts));
    result.ExposedPorts = { ...result.ExposedPorts, ...keys(ports) };
  },
  healthcheck({ result }, rest) {
    result.Healthcheck = parseHealthCheck(rest);
  },
  label({ result }, rest) {
    const expanded = parseNameValues("LABEL", rest).map((pair) => pair.map((word) => expandWord(word, result.Env ?? [])));
    result.Labels = { ...result.Labels, ...Object.fromEntries(expanded) };
  },
  onbuild({ result }, rest) {
    const trigger = (/^\S+/.exec(rest)?.[0] ?? "").toUpperCase();
    if (trigger === "ONBUILD") throw invalidChange("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === "FROM" || trigger === "MAINTAINER") throw invalidChange(`${trigger} isn't allowed as an ONBUILD trigger`);
    result.OnBuild = [...(result.OnBuild ?? []), rest];
  },
  stopsignal({ result }, rest) {
    const signal = expandWord(rest, result.Env ?? []);
    try {
      parseSignal(signal);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw invalidChange(error.message);
    }
    result.StopSignal = signal;
  },
  user({ result }, rest) {
    result.User = expandWord(rest, result.Env ?? []);
  },
  volume({ result }, rest) {
    const paths = jsonList(rest) ?? rest.split(/\s+/);
    if (paths.length === 0) throw invalidChange("VOLUME requires at least one argument");
    const expanded = paths.map((path) => expandWord(path, result.Env ?? []).trim());
    if (expanded.includes("")) throw invalidChange("VOLUME specified can not be an empty string");
    result.Volumes = { ...result.Volumes, ...keys(expanded) };
  },
  workdir({ result }, rest) {
    const path = expandWord(rest, result.Env ?? []);
    result.WorkingDir = path.startsWith("/") ? path : posix.join("/", result.WorkingDir ?? "", path);
  },
};

function withoutArguments({ name }: Instruction): EngineError {
  const count = name === "user" || name === "workdir" || name === "stopsignal" ? "exactly one argument" : "at least one argument";
  return invalidChange(`${name.toUpperCase()} requires ${count}`);
}

/** JSON form as it is, any other by a shell. */
function command(rest: string): readonly string[] {
  return jsonList(rest) ?? ["/bin/sh", "-c", rest];
}

function isEmpty(list: readonly string[] | null | undefined): boolean {
  return list === undefined || list === null || list.length === 0;
}

function keys(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}
