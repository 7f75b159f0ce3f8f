import { invalidOption } from "./invalid-option.ts";

const realtimeMinimum = 34;
const realtimeMaximum = 64;

/**
 * A signal's number from what people write: `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`.
 * @throws {EngineError} INVALID_OPTION, with docker's text.
 */
export function parseSignal(given: string): number {
  if (/^\d+$/.test(given)) {
    const number = Number(given);
    if (number >= 1 && number <= realtimeMaximum) return number;
  }
  const name = given.toUpperCase().replace(/^SIG/, "");
  // Not imported above: few starts name a signal.
  const { constants } = process.getBuiltinModule("node:os");
  const known = (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  if (known !== undefined) return known;
  const realtime = /^RTM(IN|AX)(?:([+-])(\d+))?$/.exec(name);
  if (realtime !== null) {
    const offset = Number(`${realtime[2] ?? "+"}${realtime[3] ?? 0}`);
    const number = (realtime[1] === "IN" ? realtimeMinimum : realtimeMaximum) + offset;
    if (number >= realtimeMinimum && number <= realtimeMaximum) return number;
  }
  throw invalidOption(`invalid signal: ${given}`);
}
