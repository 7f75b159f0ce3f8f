// Compares the tests that were skipped with test/expected-skips.json, so that a lost capability turns the run red.

/**
 * The differences, one sentence each.
 * `declared`: `{ word, on, reason }`, the words of `requires()` that a host of the kinds `on` lacks.
 * `reports`: `{ file, missing }`, written by `requires()`. `skips`: Map of file -> number of skipped tests.
 */
export function compareSkips({ declared, host, reports, skips }) {
  const expected = new Set(declared.filter(({ on }) => on.includes(host)).map(({ word }) => word));
  const seen = new Map();
  for (const { file, missing } of reports) seen.set(file, new Set([...(seen.get(file) ?? []), ...missing]));
  const differences = [];
  for (const [file, words] of seen) {
    const surprising = [...words].filter((word) => !expected.has(word));
    if (surprising.length > 0) {
      differences.push(
        `${file} was skipped: this host (${host}) lacks ${surprising.join(", ")}, which test/expected-skips.json does not expect`,
      );
    }
  }
  for (const [file, count] of skips) {
    if (count > 0 && !seen.has(file)) differences.push(`${file} skips ${count} of its tests without requires()`);
  }
  return differences;
}
