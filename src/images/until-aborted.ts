/** The chunks of `source`; ended by the signal's reason at once, also while it waits for one that may never come. */
export async function* untilAborted(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  const aborted = Promise.withResolvers<never>();
  // Nobody may wait for it when it happens.
  aborted.promise.catch(() => undefined);
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    signal.throwIfAborted();
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done === true) break;
      yield next.value;
    }
    ended = true;
  } finally {
    signal.removeEventListener("abort", onAbort);
    // While a chunk is waited for, a source that is a generator would not answer.
    if (!ended && !signal.aborted) await iterator.return?.();
  }
}
