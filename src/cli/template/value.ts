/**
 * What a template is applied to: JavaScript values that stand for Go's. An object with a prototype is a struct (an unknown field is an
 * error), one without is a map (an unknown key is `<no value>`); see `asMap`. null is a nil pointer, undefined the missing value. A function
 * is a method.
 */
export type TemplateValue = unknown;

export type ValueKind = "bool" | "number" | "string" | "list" | "map" | "struct" | "function" | "nil" | "missing";

export function kindOf(value: TemplateValue): ValueKind {
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "number":
    case "bigint":
      return "number";
    case "string":
      return "string";
    case "function":
      return "function";
    case "undefined":
      return "missing";
    default:
      if (value === null) return "nil";
      if (Array.isArray(value)) return "list";
      return isMap(value) ? "map" : "struct";
  }
}

/** A copy without a prototype and with sorted keys: a Go map, in the order in which Go prints and ranges over it. */
export function asMap<V>(object: Readonly<Record<string, V>>): Record<string, V> {
  const map: Record<string, V> = Object.create(null);
  for (const key of Object.keys(object).sort()) {
    const value = object[key];
    if (value !== undefined) map[key] = value;
  }
  return map;
}

/** The entries of a struct or map that `asMap` or an object literal made. */
export function entriesOf(value: TemplateValue): [string, TemplateValue][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function isMap(value: unknown): boolean {
  return Object.getPrototypeOf(value) === null;
}

/** What `if`, `and`, `or` and `not` go by: Go's zero values are false, structs are always true. */
export function isTruthy(value: TemplateValue): boolean {
  switch (kindOf(value)) {
    case "list":
      return Array.isArray(value) && value.length > 0;
    case "map":
      return entriesOf(value).length > 0;
    case "struct":
    case "function":
      return true;
    default:
      return Boolean(value);
  }
}

/**
 * A Go slice that may be nil: without items it is `null` in JSON and an empty list to a template, which may take its length or join it.
 */
export function slice<T>(items: readonly T[] | null | undefined): readonly T[] {
  return items === null || items === undefined || items.length === 0 ? asNull<T[]>([]) : items;
}

/** The same of a Go map. */
export function nilMap(): Record<string, never> {
  return asNull(asMap({}));
}

/**
 * A Go struct whose fields named in `zero` are left out of JSON where they have no value (`omitempty`): a template finds their zero value, so
 * that `{{if .State.Health}}` is false rather than an error.
 */
export function withOmitted<T extends object>(struct: T, zero: Readonly<Record<string, TemplateValue>>): T {
  for (const [name, value] of Object.entries(zero)) if (!Object.hasOwn(struct, name)) Object.defineProperty(struct, name, { value });
  return struct;
}

function asNull<T extends object>(value: T): T {
  return Object.defineProperty(value, "toJSON", { value: () => null });
}
