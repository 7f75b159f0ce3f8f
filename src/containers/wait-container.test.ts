import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { storedContainer } from "../../test/fakes/stored-container.ts";
import { insertContainer } from "../state/container-table.ts";
import { openStore } from "../state/store.ts";
import type { ContainerHost } from "./container-host.ts";
import { waitContainer } from "./wait-container.ts";

async function waitFor(row: ReturnType<typeof storedContainer>, options: { readonly exists: boolean }): Promise<number | undefined> {
  const root = mkdtempSync(`${tmpdir()}/wherry-wait-`);
  try {
    using store = openStore(root);
    if (options.exists) insertContainer(store, row);
    store.prepare("UPDATE containers SET exit_code = ?").run(row.exitCode);
    return await waitContainer({ store } as ContainerHost, row, {});
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("the exit code of one that has ended", async () => {
  expect(await waitFor(storedContainer({ status: "exited", exitCode: 7, starts: 1 }), { exists: true })).toBe(7);
});
test("one removed between being found and being looked at: its exit code is not known, it is not 0", async () => {
  expect(await waitFor(storedContainer({ status: "running", exitCode: 0, starts: 1 }), { exists: false })).toBeUndefined();
  expect(await waitFor(storedContainer({ status: "ending", exitCode: 137, starts: 1 }), { exists: false })).toBe(137);
});
