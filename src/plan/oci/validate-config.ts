import type { OciConfig } from "../oci-config.ts";
import { configInvalid } from "../plan-context.ts";
import { findBreach } from "./config-rules.ts";
import json from "./config-schema.json" with { type: "json" };
import { withoutNulls } from "./without-nulls.ts";

/** The part of JSON Schema that the specification's schema uses, with references resolved (scripts/checks/oci-schema.mjs). */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  /** Of every property that is not named. */
  readonly values?: Schema;
}

const schema: Schema = json;

/** Engines write a device's whole mode, where the schema knows permissions only, and runc's words for propagation (see `findBreach`). */
const LENIENT = new Set(["linux.devices[].fileMode", "linux.rootfsPropagation"]);

/** What `parseConfig` may have left as digits; the compiler of filters judges them. */
const DIGITS = new Set(["linux.seccomp.syscalls[].args[].value", "linux.seccomp.syscalls[].args[].valueTwo"]);

/**
 * A configuration from JSON, if it is one. What the specification does not know is left alone, as it demands; `null`, which Go's engines write
 * for what is not there, is taken for that.
 * @throws {EngineError} CONFIG_INVALID naming the place: `linux.namespaces[2].type: …`
 */
export function validateConfig(value: unknown): OciConfig {
  const config = withoutNulls(value);
  const problem = findProblem(config, schema, "");
  if (problem !== undefined) throw configInvalid(problem);
  const breach = findBreach(config as OciConfig);
  if (breach !== undefined) throw configInvalid(breach);
  return config as OciConfig;
}

/** The same for a process alone, as `exec --process` takes it. */
export function validateProcess(value: unknown): NonNullable<OciConfig["process"]> {
  const process = withoutNulls(value);
  const problem = findProblem(process, schema.properties?.["process"] ?? {}, "process");
  if (problem !== undefined) throw configInvalid(problem);
  return process as NonNullable<OciConfig["process"]>;
}

/** And for `linux.resources`, as `update --resources` takes them. */
export function validateResources(value: unknown): NonNullable<NonNullable<OciConfig["linux"]>["resources"]> {
  const resources = withoutNulls(value);
  const problem = findProblem(resources, schema.properties?.["linux"]?.properties?.["resources"] ?? {}, "linux.resources");
  if (problem !== undefined) throw configInvalid(problem);
  return resources as NonNullable<NonNullable<OciConfig["linux"]>["resources"]>;
}

/** The first thing wrong, with its path. */
function findProblem(value: unknown, rule: Schema, path: string): string | undefined {
  if (typeof value === "string" && rule.type === "integer" && DIGITS.has(path.replace(/\[\d+\]/g, "[]"))) return undefined;
  const wrong = wrongType(value, rule) ?? wrongValue(value, rule, path);
  if (wrong !== undefined) return `${path === "" ? "the configuration" : `\`${path}\``}: ${wrong}`;
  if (Array.isArray(value)) {
    if (rule.items === undefined) return undefined;
    for (const [index, item] of value.entries()) {
      const problem = findProblem(item, rule.items, `${path}[${index}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  return isRecord(value) ? findProblemInside(value, rule, path) : undefined;
}

function findProblemInside(value: Readonly<Record<string, unknown>>, rule: Schema, path: string): string | undefined {
  const place = (name: string): string => (path === "" ? name : `${path}.${name}`);
  const missing = rule.required?.find((name) => value[name] === undefined);
  if (missing !== undefined) return `\`${place(missing)}\`: is missing`;
  for (const [name, item] of Object.entries(value)) {
    const inner = rule.properties?.[name] ?? rule.values;
    const problem = inner === undefined ? undefined : findProblem(item, inner, place(name));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function wrongType(value: unknown, { type }: Schema): string | undefined {
  const right =
    type === undefined ||
    (type === "object" && isRecord(value)) ||
    (type === "array" && Array.isArray(value)) ||
    (type === "integer" && Number.isInteger(value)) ||
    (type === "string" && typeof value === "string") ||
    (type === "boolean" && typeof value === "boolean");
  return right ? undefined : `${article(type)} is meant, not ${shown(value)}`;
}

function wrongValue(value: unknown, rule: Schema, path: string): string | undefined {
  if (typeof value === "string") {
    if (rule.enum !== undefined && !rule.enum.includes(value) && !LENIENT.has(path))
      return `one of ${rule.enum.join(", ")} is meant, not ${shown(value)}`;
    if (rule.pattern !== undefined && !new RegExp(rule.pattern).test(value)) return `${shown(value)} does not match ${rule.pattern}`;
    return value.includes("\0") ? "a NUL byte can't be in it" : undefined;
  }
  if (typeof value === "number" && !LENIENT.has(path.replace(/\[\d+\]/g, "[]"))) {
    const { minimum = -Infinity, maximum = Infinity } = rule;
    if (value < minimum || value > maximum) return `${value} is not between ${minimum} and ${maximum}`;
  }
  if (Array.isArray(value) && value.length < (rule.minItems ?? 0)) return `at least ${rule.minItems} is needed`;
  return undefined;
}

function article(type = "value"): string {
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
