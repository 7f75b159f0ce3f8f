import { invalidValue } from "../flags/flag-spec.ts";

/** `--add-host NAME:ADDRESS` or `NAME=ADDRESS`, as `NAME:ADDRESS`; brackets around IPv6 are dropped. */
export function parseExtraHost(text: string): string {
  const separator = text.search(/[=:]/);
  const name = text.slice(0, Math.max(separator, 0));
  const address = text.slice(separator + 1).replace(/^\[(.*)\]$/, "$1");
  if (separator < 1 || address === "") throw invalidValue("use NAME:ADDRESS");
  if (address !== "host-gateway" && !isIpAddress(address)) throw invalidValue(`"${address}" is not an IP address`);
  return `${name}:${address}`;
}

/** `--dns ADDRESS`. */
export function parseDnsServer(text: string): string {
  if (!isIpAddress(text)) throw invalidValue(`"${text}" is not an IP address`);
  return text;
}

/** Without `node:net`, which would be loaded for each `run`: the URL parser knows both families. */
function isIpAddress(text: string): boolean {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text.split(".").every((part) => Number(part) <= 255);
  return /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) && URL.canParse(`http://[${text}]/`);
}
