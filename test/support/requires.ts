import { test as bunTest } from "bun:test";
import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import { hostFeatures, repository } from "./host-features.ts";

/**
 * The first line of each test that touches the host: `const test = requires("root", "overlayfs");`
 *
 * Returns bun's `test` when the host has everything that is named, else `test.skip`, and then reports the file and the missing
 * words to the runner, which compares them with `test/expected-skips.json`: a skip that nobody declared fails the run.
 * @throws when a word is unknown: a typo must not skip a test for ever.
 */
export function requires(...words: readonly string[]): typeof bunTest {
  const missing = words.filter((word) => {
    const probe = hostFeatures[word];
    if (probe === undefined) {
      throw new Error(`requires("${word}"): unknown word; known are ${Object.keys(hostFeatures).join(", ")}`);
    }
    return !probe();
  });
  if (missing.length === 0) return bunTest;
  const report = process.env["WHERRY_TEST_SKIPS"];
  if (report !== undefined) {
    appendFileSync(report, `${JSON.stringify({ file: relative(repository, callerFile()), missing })}\n`);
  }
  return bunTest.skip;
}

function callerFile(): string {
  const here = new URL(import.meta.url).pathname;
  for (const line of (new Error().stack ?? "").split("\n")) {
    const file = /\(?(?:file:\/\/)?(\/[^():]+\.test\.ts):\d+/.exec(line)?.[1];
    if (file !== undefined && file !== here) return file;
  }
  return here;
}
