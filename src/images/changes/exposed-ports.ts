import { invalidChange } from "./instructions.ts";

/** The container's ports in `[[IP:]HOST:]PORT[-PORT][/PROTOCOL]`, each as `PORT/PROTOCOL`. @throws {EngineError} INVALID_CHANGE, in docker's words */
export function exposedPorts(specification: string): string[] {
  const [whole = "", protocol = "tcp"] = specification.split("/", 2);
  const range = whole.slice(whole.lastIndexOf(":") + 1);
  const name = protocol.toLowerCase();
  const [start = "", end = start] = range.split("-", 2);
  if (![start, end].every((port) => /^\d+$/.test(port) && Number(port) <= 65_535) || Number(end) < Number(start))
    throw invalidChange(`Invalid containerPort: ${range}`);
  if (!["tcp", "udp", "sctp"].includes(name)) throw invalidChange(`Invalid proto: ${protocol}`);
  const count = Number(end) - Number(start) + 1;
  return Array.from({ length: count }, (_, index) => `${Number(start) + index}/${name}`);
}
