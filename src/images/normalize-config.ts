/** The fields that are read of a configuration, with what is in them. */
interface Names {
  readonly [name: string]: Names | "list" | "map" | "value" | "words";
}

const names: Names = {
  architecture: "value",
  os: "value",
  variant: "value",
  author: "value",
  comment: "value",
  docker_version: "value",
  created: "value",
  history: "list",
  rootfs: { type: "value", diff_ids: "value" },
  config: {
    User: "value",
    WorkingDir: "value",
    StopSignal: "value",
    Env: "value",
    Entrypoint: "words",
    Cmd: "words",
    Shell: "words",
    OnBuild: "value",
    ExposedPorts: "value",
    Volumes: "value",
    Labels: "map",
    ArgsEscaped: "value",
    Healthcheck: { Test: "value", Interval: "value", Timeout: "value", StartPeriod: "value", Retries: "value" },
  },
};
const historyNames: Names = { created: "value", created_by: "value", author: "value", comment: "value", empty_layer: "value" };

/**
 * A configuration in the form that is read here, of one that Go's engines read alike: names in any case, a command that is one string, labels that
 * are null. The very value where it has that form. What is wrong stays as it is, for whoever checks.
 * @see encoding/json: Unmarshal; moby, api/types/strslice
 */
export function normalizeConfig(config: unknown): unknown {
  return renamed(config, names);
}

function renamed(value: unknown, known: Names): unknown {
  if (!isObject(value)) return value;
  const spellings = new Map(Object.keys(known).map((name) => [name.toLowerCase(), name]));
  const fields: Record<string, unknown> = {};
  let changed = false;
  for (const [given, field] of Object.entries(value)) {
    const name = spellings.get(given.toLowerCase()) ?? given;
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    const found = kind === undefined || kind === "value" ? field : normalized(field, kind);
    if (name !== given || found !== field) changed = true;
    Object.defineProperty(fields, name, { value: found, enumerable: true, configurable: true, writable: true });
  }
  return changed ? fields : value;
}

function normalized(value: unknown, kind: Names | "list" | "map" | "words"): unknown {
  if (kind === "words") return typeof value === "string" ? [value] : value;
  if (kind === "map") return isObject(value) && Object.values(value).includes(null) ? withoutNulls(value) : value;
  if (kind !== "list") return renamed(value, kind);
  if (!Array.isArray(value)) return value;
  const items = value.map((item: unknown) => renamed(item, historyNames));
  return items.some((item, at) => item !== value[at]) ? items : value;
}

function withoutNulls(labels: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, text ?? ""]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
