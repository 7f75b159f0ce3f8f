import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { storedContainer } from "../../test/fakes/stored-container.ts";
import type { ContainerId } from "../core/brands.ts";
import {
  deleteContainer,
  findContainer,
  getContainer,
  insertContainer,
  listContainers,
  moveContainer,
  renameContainer,
} from "./container-table.ts";
import { openStore, type Store } from "./store.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-state-`);
  store = openStore(`${root}/new/deep`);
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

describe("insertContainer()", () => {
  test("gives back what was put in", () => {
    const put = storedContainer();
    insertContainer(store, put);
    expect(getContainer(store, put.id)).toEqual(put);
  });
  test("refuses a taken name and names its holder", () => {
    const first = storedContainer();
    insertContainer(store, first);
    expect(() => insertContainer(store, storedContainer())).toThrow(`already in use by container "${first.id}"`);
    expect(listContainers(store)).toHaveLength(1);
  });
});

describe("moveContainer()", () => {
  test("moves from the expected state once, so that two starters can't both win", () => {
    const put = storedContainer();
    insertContainer(store, put);
    const start = () => moveContainer(store, { id: put.id, from: ["created", "exited"], to: "starting", change: { owner: "me" } });
    expect([start(), start()]).toEqual([true, false]);
    expect(moveContainer(store, { id: put.id, from: ["starting"], to: "running", owner: "you" })).toBe(false);
    expect(
      moveContainer(store, {
        id: put.id,
        from: ["starting"],
        to: "running",
        owner: "me",
        change: { pid: 7, pidStart: 99n, oomKilled: true },
      }),
    ).toBe(true);
    expect(getContainer(store, put.id)).toMatchObject({ status: "running", pid: 7, pidStart: 99n, oomKilled: true });
  });
  test("knows which moves there are", () => {
    expect(() => moveContainer(store, { id: "x" as ContainerId, from: ["created"], to: "paused" })).toThrow(
      "no move from created to paused",
    );
  });
});

describe("findContainer()", () => {
  test("takes an id, a unique prefix, a name, a name with a slash", () => {
    const put = storedContainer({ id: `abc${"0".repeat(61)}` as ContainerId });
    insertContainer(store, put);
    for (const reference of [put.id, "abc", "box", "/box"]) expect(findContainer(store, reference).id).toBe(put.id);
  });
  test("prefers a name to an id prefix", () => {
    insertContainer(store, storedContainer({ id: `abc${"0".repeat(61)}` as ContainerId, name: "one" }));
    insertContainer(store, storedContainer({ id: `def${"0".repeat(61)}` as ContainerId, name: "abc" }));
    expect(findContainer(store, "abc").name).toBe("abc");
  });
  test("refuses ambiguous prefixes and unknown names", () => {
    insertContainer(store, storedContainer({ id: `abc0${"0".repeat(60)}` as ContainerId, name: "one" }));
    insertContainer(store, storedContainer({ id: `abc1${"0".repeat(60)}` as ContainerId, name: "two" }));
    expect(() => findContainer(store, "abc")).toThrow("multiple containers found");
    for (const reference of ["nobody", "", "%", "ffff"]) expect(() => findContainer(store, reference)).toThrow("No such container: ");
  });
});

test("renameContainer() refuses a taken name", () => {
  const one = storedContainer({ name: "one" });
  insertContainer(store, one);
  insertContainer(store, storedContainer({ name: "two" }));
  expect(() => renameContainer(store, one.id, "two")).toThrow("already in use");
  renameContainer(store, one.id, "three");
  expect(findContainer(store, "three").id).toBe(one.id);
  deleteContainer(store, one.id);
  expect(() => findContainer(store, "three")).toThrow("No such container");
});

test("a transaction that throws leaves nothing", () => {
  expect(() =>
    store.transaction(() => {
      insertContainer(store, storedContainer());
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(listContainers(store)).toHaveLength(0);
});

test("openStore() refuses a schema that is too new", () => {
  store.prepare("UPDATE meta SET value = '999' WHERE key = 'minimum_version'").run();
  store.prepare("PRAGMA user_version=999").run();
  expect(() => openStore(`${root}/new/deep`)).toThrow("upgrade wherry");
});
