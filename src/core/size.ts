import { EngineError } from "./engine-error.ts";

const POWERS = "bkmgtp";

/**
 * Bytes of a size as docker reads it: a number, then an optional unit `b k m g t p` of any case, optionally followed by `b` or `ib`;
 * all binary (`1k` = `1kb` = `1KiB` = 1024). Fractions are rounded down.
 * @throws {EngineError} INVALID_SIZE with docker's wording ("invalid suffix: 'x'").
 * @see github.com/docker/go-units RAMInBytes
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+) ?([a-z]*)$/i.exec(text);
  if (match === null) throw invalidSize(`invalid size: '${text}'`);
  const suffix = (match[2] ?? "").toLowerCase();
  let power = 0;
  if (suffix !== "") {
    power = POWERS.indexOf(suffix.charAt(0));
    const rest = suffix.slice(1);
    const restFits = power === 0 ? rest === "" : rest === "" || rest === "b" || rest === "ib";
    if (power < 0 || !restFits) throw invalidSize(`invalid suffix: '${suffix}'`);
  }
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  if (!Number.isSafeInteger(bytes)) throw invalidSize(`invalid size: '${text}' is too large`);
  return bytes;
}

const DECIMAL_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/**
 * Bytes in decimal units with three significant digits, as `docker images` and `ps -s` print them ("187MB", "1.2kB", "0B").
 * @see github.com/docker/go-units HumanSizeWithPrecision(size, 3)
 */
export function formatDecimalSize(bytes: number): string {
  return formatSize(bytes, { base: 1000, units: DECIMAL_UNITS, digits: 3 });
}

/**
 * Bytes in binary units with four significant digits, as `docker stats` and `docker info` print memory ("7.751GiB").
 * @see github.com/docker/go-units BytesSize
 */
export function formatBinarySize(bytes: number): string {
  return formatSize(bytes, { base: 1024, units: BINARY_UNITS, digits: 4 });
}

function formatSize(bytes: number, format: { readonly base: number; readonly units: readonly string[]; readonly digits: number }): string {
  let value = bytes;
  let unit = 0;
  while (value >= format.base && unit < format.units.length - 1) {
    value /= format.base;
    unit += 1;
  }
  return `${Number(value.toPrecision(format.digits))}${format.units[unit] ?? ""}`;
}

function invalidSize(message: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "INVALID_SIZE", message });
}
