import { EngineError } from "./engine-error.ts";

const UNIT_NANOS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/**
 * Nanoseconds of a duration in Go's form: `90s`, `1h30m`, `1.5ms`, `-2m`, `0`. A number without a unit is refused, as Go does.
 * @throws {EngineError} INVALID_DURATION
 * @see https://pkg.go.dev/time#ParseDuration
 */
export function parseDuration(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = text.replace(/^[-+]/, "");
  if (body === "0") return 0;
  let nanos = 0;
  let end = 0;
  for (const part of body.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)) {
    nanos += Number(part[1]) * (UNIT_NANOS[part[2] ?? ""] ?? Number.NaN);
    end = part.index + part[0].length;
  }
  if (body === "" || end !== body.length) {
    throw new EngineError({
      kind: "invalidArgument",
      code: "INVALID_DURATION",
      message: `invalid duration \`${text}\`: use a number with a unit, such as 90s or 1h30m`,
    });
  }
  return sign * nanos;
}

const DAY_HOURS = 24;

/**
 * A span in the rough words of `docker ps` ("Less than a second", "About a minute", "5 hours", "2 weeks"). Negative spans count as none.
 * @see github.com/docker/go-units HumanDuration
 */
export function describeDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return "About an hour";
  if (hours < DAY_HOURS * 2) return `${hours} hours`;
  if (hours < DAY_HOURS * 7 * 2) return `${Math.trunc(hours / DAY_HOURS)} days`;
  if (hours < DAY_HOURS * 30 * 2) return `${Math.trunc(hours / DAY_HOURS / 7)} weeks`;
  if (hours < DAY_HOURS * 365 * 2) return `${Math.trunc(hours / DAY_HOURS / 30)} months`;
  return `${Math.trunc(seconds / 3600 / DAY_HOURS / 365)} years`;
}
