import { EngineError } from "../core/engine-error.ts";
import { countVolumeUsers, listVolumes, type VolumeRow } from "../state/volume-rows.ts";
import { settleVolume } from "./settle-volume.ts";
import type { VolumeHost } from "./volume-host.ts";
import { viewVolume } from "./volume-view.ts";

type Filters = Readonly<Record<string, readonly string[]>>;
type Test = (row: VolumeRow, value: string, used: boolean, labels: Readonly<Record<string, string>>) => boolean;

/** Docker's filters. Values of one key are alternatives, except labels, which must all hold; keys must all hold. */
const tests: Readonly<Record<string, Test>> = {
  dangling: (_, value, used) => isTrue("dangling", value) !== used,
  driver: (row, value) => row.driver === value,
  label: (_, value, __, labels) => hasLabel(labels, value),
  "label!": (_, value, __, labels) => !hasLabel(labels, value),
  name: (row, value) => pattern(value).test(row.name),
};

/** Of `volume ls`; `prune` has others. */
export const listFilters: readonly string[] = ["dangling", "driver", "label", "name"];

/**
 * By name. What a dead process has left half done is brought to its end before.
 * @throws {EngineError} INVALID_FILTER
 */
export async function findVolumes(host: VolumeHost, filters: Filters, known: readonly string[] = listFilters): Promise<VolumeRow[]> {
  for (const key of Object.keys(filters)) if (!known.includes(key)) throw invalidFilter(`invalid filter '${key}'`);
  const users = countVolumeUsers(host.store);
  const found: VolumeRow[] = [];
  for (const { name } of listVolumes(host.store)) {
    const row = await settleVolume(host, name);
    if (row === undefined) continue;
    const { labels } = viewVolume(host.root, row);
    const holds = Object.entries(filters).every(([key, values]) => {
      const test = (value: string) => tests[key]?.(row, value, users.has(name), labels) === true;
      return key.startsWith("label") ? values.every(test) : values.some(test);
    });
    if (holds) found.push(row);
  }
  return found;
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const name = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, name) && (equals < 0 || labels[name] === wanted.slice(equals + 1));
}

export function isTrue(name: string, value: string): boolean {
  if (/^(1|true|t)$/i.test(value)) return true;
  if (/^(0|false|f)$/i.test(value)) return false;
  throw invalidFilter(`invalid filter '${name}=[${value}]'`);
}

function pattern(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch {
    throw invalidFilter(`invalid filter 'name=${value}': not a regular expression`);
  }
}

function invalidFilter(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_FILTER", message });
}
