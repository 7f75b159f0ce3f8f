// The state's write-ahead log, when nobody ever closes the database.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { openStore } from "../../src/state/store.ts";
import { repository } from "../support/host-features.ts";

let base: string;
beforeAll(() => {
  base = mkdtempSync(`${tmpdir()}/wherry-state-log-`);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("processes that make one change and die keep it short, and lose nothing", () => {
  const program = `${base}/program.ts`;
  // 20 pages a change.
  writeFileSync(
    program,
    `import { openStore } from "${repository}/src/state/store.ts";
    const store = openStore("${base}");
    store.transaction(() => store.prepare("INSERT INTO meta VALUES (?, ?)").run("change" + process.argv[2], "x".repeat(80_000)));
    process.kill(process.pid, "SIGKILL");`,
  );
  for (let change = 0; change < 20; change++) {
    expect(spawnSync(process.execPath, [program, String(change)], { stdio: ["ignore", "inherit", "inherit"] }).signal).toBe("SIGKILL");
  }
  // 64 pages and one change more.
  expect(statSync(`${base}/wherry.db-wal`).size).toBeLessThan(100 * 4120);
  using store = openStore(base);
  expect(store.prepare("SELECT count(*) AS changes FROM meta WHERE key LIKE 'change%'").get()).toEqual({ changes: 20 });
});
