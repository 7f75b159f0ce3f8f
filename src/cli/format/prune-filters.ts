import { parseMoment } from "../flags/moment.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** With `until` as a time (RFC 3339), whichever way it was given: a duration before `now` as well. @throws {EngineError} CLI_FLAG_VALUE_INVALID */
export function pruneFilters(filters: Filters, now: Date): Filters {
  const { until, ...rest } = filters;
  return until === undefined ? rest : { ...rest, until: until.map((text) => parseMoment(text, now).toISOString()) };
}
