import { parseDuration } from "../../core/duration.ts";
import { invalidValue } from "./flag-spec.ts";

/**
 * A point in time as `--since` and `--until` take it: a duration before `now` (`10m`), seconds since 1970 with or without a fraction, or
 * RFC 3339, where the time of day, its seconds and the zone (then local) may be missing.
 * @throws {EngineError} CLI_FLAG_VALUE_INVALID
 * @see github.com/moby/moby api/types/time
 */
export function parseMoment(text: string, now: Date): Date {
  if (/^-?\d+(\.\d+)?$/.test(text)) return new Date(Number(text) * 1000);
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2})(?::(\d{2}))?(?::(\d{2}(?:\.\d+)?))?)?(Z|[-+]\d{2}:\d{2})?$/.exec(text);
    if (match !== null) {
      const [, day = "", hours = "00", minutes = "00", seconds = "00", zone = ""] = match;
      const moment = new Date(`${day}T${hours}:${minutes}:${seconds}${zone}`);
      if (!Number.isNaN(moment.getTime())) return moment;
    }
    throw invalidValue(`"${text}" is no time such as 2013-01-02T13:23:37Z`);
  }
  try {
    return new Date(now.getTime() - parseDuration(text) / 1e6);
  } catch {
    throw invalidValue(`"${text}" is neither a time such as 2013-01-02T13:23:37Z nor a duration such as 42m`);
  }
}
