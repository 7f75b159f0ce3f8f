const stride = 4096;
/** Every so many times it is all that is collected: what waited to be sent the last time is no young garbage any more. */
const youngOnes = 16;

/** Bun's own; Node has none, and no need of one with this name. Not before it is needed: to load it takes milliseconds. */
function collector(): { edenGC(): void; fullGC(): void } | undefined {
  return process.getBuiltinModule("bun:jsc") as ReturnType<typeof collector>;
}

/**
 * For loops that make objects in each round, next to large tables in typed arrays: to be called with the number of every round. Once in a while
 * it has the collector free what was made lately (about a millisecond). Left to itself, JavaScriptCore's collector lets garbage grow until it
 * is as large as all that is alive, tables included, which doubles the process.
 */
export function collectInRound(round: number): void {
  if (round % stride !== 0) return;
  if (round % (stride * youngOnes) === 0) collector()?.fullGC();
  else collector()?.edenGC();
}

/** Frees what has been given up, tables included. */
export function collectAll(): void {
  collector()?.fullGC();
}
