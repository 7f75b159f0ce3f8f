import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { Reserve } from "./reserve.ts";

test("Reserve holds real space, gives it up once, and takes it again", () => {
  const root = mkdtempSync(`${tmpdir()}/wherry-reserve-`);
  try {
    const reserve = new Reserve(root);
    expect(reserve.release()).toBe(false);
    reserve.hold();
    reserve.hold();
    expect(statSync(`${root}/reserve`).blocks * 512).toBeGreaterThanOrEqual(512 * 1024);
    expect(reserve.release()).toBe(true);
    expect(reserve.release()).toBe(false);
    reserve.hold();
    expect(reserve.releaseForOpening()).toBe(true);
    expect(statSync(`${root}/reserve`).size).toBe(448 * 1024);
    for (let time = 0; time < 7; time++) expect(reserve.releaseForOpening()).toBe(true);
    expect(reserve.releaseForOpening()).toBe(false);
    reserve.hold();
    expect(statSync(`${root}/reserve`).blocks * 512).toBeGreaterThanOrEqual(512 * 1024);
    expect(reserve.release()).toBe(true);
    expect(reserve.releaseForOpening()).toBe(false);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("hold() does nothing where nothing can be written", () => {
  expect(new Reserve("/no/such/directory").hold()).toBeUndefined();
});
