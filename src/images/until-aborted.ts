/** The chunks of `source`; ended by the signal's reason at once, also while it waits for one that may never come. */
export async function* untilAborted(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  const iterator = source[Symbol.asyncIterator]();
  // One promise for each wait: a race with one that lives on would keep every chunk.
  let giveUp: (reason: unknown) => void = () => undefined;
  const onAbort = (): void => giveUp(signal.reason);
  signal.addEventListener("abort", onAbort);
  let ended = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = reject;
        iterator.next().then(resolve, reject);
      });
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
