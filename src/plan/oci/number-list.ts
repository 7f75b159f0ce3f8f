import { configInvalid } from "../plan-context.ts";

/** Beyond this no kernel counts processors. */
const MOST = 65_536;

/** `0-2, 4` → 0, 1, 2, 4: as cpuset(7) writes lists, spaces allowed. @throws {EngineError} CONFIG_INVALID naming `field` */
export function parseNumberList(list: string, field: string): readonly number[] {
  return list.split(",").flatMap((part) => {
    const [, from, to = from] = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part) ?? [];
    const first = Number(from);
    const last = Number(to);
    if (from === undefined || last < first || last >= MOST)
      throw configInvalid(`\`${field}\` is \`${list}\`, a list such as 0-2,4 is meant`);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
