import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { claimLayerRow } from "../state/received-image-rows.ts";
import { openStore, type Store } from "../state/store.ts";
import { claimLayer } from "./layer-claim.ts";
import { leaseOwner } from "./layer-lease.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-claim-`);
  store = openStore(root);
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

describe("claimLayer()", () => {
  test("waits for who has the claim, and for nobody else", async () => {
    const order: string[] = [];
    const first = await claimLayer(store, "a");
    const second = claimLayer(store, "a").then((claim) => {
      order.push("second");
      return claim;
    });
    using _other = await claimLayer(store, "b");
    order.push("other");
    first[Symbol.dispose]();
    order.push("first gone");
    (await second)[Symbol.dispose]();
    expect(order).toEqual(["other", "first gone", "second"]);
  });

  test("takes over from a process that is no more, also from one of before a reboot", async () => {
    const [pid, , boot, random] = leaseOwner().split(":");
    for (const dead of [`${pid}:1:${boot}:${random}`, `${leaseOwner().split(":", 2).join(":")}:another-boot:${random}`]) {
      expect(claimLayerRow(store, dead, dead)).toBe(dead);
      using _claim = await claimLayer(store, dead);
    }
  });

  test("gives up when it is cancelled", async () => {
    using _first = await claimLayer(store, "a");
    const cancelled = new AbortController();
    const waiting = claimLayer(store, "a", cancelled.signal);
    cancelled.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow();
    expect(claimLayerRow(store, "b", "x:0:y:z")).toBe("x:0:y:z");
  });
});
