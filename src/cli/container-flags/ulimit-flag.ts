import type { UlimitOption } from "../../spec/container-options.ts";
import { invalidValue } from "../flags/flag-spec.ts";

const NAMES = [
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
];

/** `--ulimit nofile=1024[:2048]`; -1 or `unlimited` is no limit; one number sets both. */
export function parseUlimit(text: string): UlimitOption {
  const [name = "", limits, ...more] = text.split("=");
  if (limits === undefined || limits === "" || more.length > 0) throw invalidValue("use NAME=SOFT[:HARD]");
  if (!NAMES.includes(name)) throw invalidValue(`invalid ulimit type: ${name}; there are ${NAMES.join(", ")}`);
  const [softText = "", hardText = softText, ...others] = limits.split(":");
  if (others.length > 0) throw invalidValue("use NAME=SOFT[:HARD]");
  const soft = parseLimit(softText);
  const hard = parseLimit(hardText);
  if (hard !== -1 && (soft === -1 || soft > hard))
    throw invalidValue(`the soft limit must be less than or equal to the hard limit: ${softText} > ${hardText}`);
  return { name, soft, hard };
}

function parseLimit(text: string): number {
  if (text === "unlimited") return -1;
  if (!/^(-1|\d+)$/.test(text)) throw invalidValue(`"${text}" is not a number, -1 or unlimited`);
  return Number(text);
}
