import { expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { watchChanges } from "./watch-changes.ts";

test("watchChanges() tells of the last change when several follow each other at once", async () => {
  const directory = mkdtempSync(`${tmpdir()}/wherry-watch-`);
  const file = `${directory}/file`;
  writeFileSync(file, "");
  let seen = 0;
  try {
    for (let round = 1; round <= 100; round++) {
      await new Promise<void>((resolve) => {
        const watcher = watchChanges(directory, (name) => {
          expect(name).toBe("file");
          seen = readFileSync(file).length;
          // The second byte comes right behind the news of the first.
          if (seen === 2 * round - 1) appendFileSync(file, "b");
          if (seen < 2 * round) return;
          watcher.close();
          resolve();
        });
        appendFileSync(file, "a");
      });
    }
    expect(seen).toBe(200);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
