import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerSummary } from "./container-view.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** What a filter may need besides the container itself. */
export interface FilterContext {
  /** All containers, newest first, for `before` and `since`. */
  readonly all: readonly ContainerSummary[];
  /** The image id that `ancestor` names, and whether a container's image is it or was made from it. */
  readonly isAncestor: (container: ContainerSummary, image: string) => boolean;
}

type Test = (container: ContainerSummary, value: string, context: FilterContext) => boolean;

/** Docker's filters for `ps`. Values of one key are alternatives, except labels, which must all match; keys must all match. */
const tests: Readonly<Record<string, Test>> = {
  id: (container, value) => container.id.startsWith(value),
  name: (container, value) => pattern(value).test(container.name) || pattern(value).test(`/${container.name}`),
  label: (container, value) => {
    const equals = value.indexOf("=");
    const key = equals < 0 ? value : value.slice(0, equals);
    const found = container.labels[key];
    return found !== undefined && (equals < 0 || found === value.slice(equals + 1));
  },
  status: (container, value) => {
    if (!["created", "restarting", "running", "removing", "paused", "exited", "dead"].includes(value)) {
      throw invalidOption(`invalid filter 'status=${value}'`);
    }
    return container.status === value;
  },
  exited: (container, value) => {
    if (!/^\d+$/.test(value)) throw invalidOption(`invalid filter 'exited=${value}': a number is meant`);
    return container.status === "exited" && container.exitCode === Number(value);
  },
  ancestor: (container, value, context) => context.isAncestor(container, value),
  before: (container, value, context) => container.createdAt < reference(value, context).createdAt,
  since: (container, value, context) => container.createdAt > reference(value, context).createdAt,
  volume: (container, value) =>
    container.mounts.some((mount) => mount.name === value || mount.source === value || mount.destination === value),
  network: (container, value) => container.networkMode === value,
  health: (_, value) => value === "none",
  "is-task": (_, value) => value === "false",
  expose: () => false,
  publish: () => false,
};

/** Refuses unknown filters also where there is nothing to filter. @throws {EngineError} INVALID_OPTION. */
export function checkFilters(filters: Filters): void {
  for (const key of Object.keys(filters)) {
    if (!Object.hasOwn(tests, key)) throw invalidOption(`invalid filter '${key}': one of ${Object.keys(tests).sort().join(", ")} is meant`);
  }
}

/** Of filters that `checkFilters` has passed. @throws {EngineError} INVALID_OPTION for a bad value. */
export function matchesFilters(container: ContainerSummary, filters: Filters, context: FilterContext): boolean {
  for (const [key, values] of Object.entries(filters)) {
    const test = tests[key];
    if (test === undefined) return false;
    const holds = (value: string) => test(container, value, context);
    if (!(key === "label" ? values.every(holds) : values.some(holds))) return false;
  }
  return true;
}

function reference(value: string, context: FilterContext): ContainerSummary {
  const found = context.all.find((container) => container.name === value.replace(/^\//, "") || container.id.startsWith(value));
  if (found === undefined) throw invalidOption(`No such container: ${value}`);
  return found;
}

function pattern(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch {
    throw invalidOption(`invalid filter 'name=${value}': not a regular expression`);
  }
}
