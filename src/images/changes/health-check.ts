import { parseDuration } from "../../core/duration.ts";
import type { OciHealthcheck } from "../oci-image.ts";
import { invalidChange, jsonList } from "./instructions.ts";

const leastNanos = 1_000_000;

/** HEALTHCHECK's arguments: `NONE`, or options and `CMD …`. @throws {EngineError} INVALID_CHANGE, in docker's words */
export function parseHealthCheck(text: string): OciHealthcheck {
  const result: { -readonly [Key in keyof OciHealthcheck]: OciHealthcheck[Key] } = {};
  let rest = text;
  for (let flag = /^--(\S*)\s*/.exec(rest); flag !== null; flag = /^--(\S*)\s*/.exec(rest)) {
    const [name = "", value = ""] = (flag[1] ?? "").split(/=(.*)/s, 2);
    rest = rest.slice(flag[0].length);
    if (name === "interval") result.Interval = duration(name, value);
    else if (name === "timeout") result.Timeout = duration(name, value);
    else if (name === "start-period") result.StartPeriod = duration(name, value);
    else if (name === "retries") result.Retries = retries(value);
    else throw invalidChange(`Unknown flag: ${name}`);
  }
  const [, kind = "", command = ""] = /^(\S*)\s*(.*)$/s.exec(rest) ?? [];
  switch (kind.toUpperCase()) {
    case "":
      throw invalidChange("HEALTHCHECK requires at least one argument");
    case "NONE":
      if (command !== "") throw invalidChange("HEALTHCHECK NONE takes no arguments");
      return { Test: ["NONE"] };
    case "CMD": {
      const list = jsonList(command);
      if (command === "" || list?.length === 0) throw invalidChange("Missing command after HEALTHCHECK CMD");
      return { Test: list === undefined ? ["CMD-SHELL", command] : ["CMD", ...list], ...result };
    }
    default:
      throw invalidChange(`Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  }
}

function duration(name: string, value: string): number {
  const nanos = parseDuration(value);
  if (nanos < leastNanos) throw invalidChange(`Interval "${name}" cannot be less than 1ms`);
  return nanos;
}

function retries(value: string): number {
  const count = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(count)) throw invalidChange(`--retries: "${value}" is not a number`);
  if (count < 1) throw invalidChange(`--retries must be at least 1 (not ${count})`);
  return count;
}
