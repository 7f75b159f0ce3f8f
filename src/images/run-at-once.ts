/**
 * Does `work` for each item, at most `limit` at once, and resolves with the results in the items' order. The first failure stops the
 * others by their signal; it rejects, once all have ended, with that failure, and what had been made by then is disposed of.
 */
export async function runAtOnce<Item, Result extends Disposable>(
  items: readonly Item[],
  options: { readonly limit: number; readonly signal?: AbortSignal | undefined },
  work: (item: Item, index: number, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const failed = new AbortController();
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  const results: Result[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item, index, signal);
      } catch (error) {
        failures.push(error);
        failed.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.limit, items.length) }, worker));
  if (failures.length === 0) return results;
  for (const result of results) (result as Result | undefined)?.[Symbol.dispose]();
  throw failures[0];
}
