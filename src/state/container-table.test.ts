import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { ContainerId, DiffId, ImageId } from "../core/brands.ts";
import { newContainerId } from "../core/ids.ts";
import type { ContainerRow } from "./container-row.ts";
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

function row(change: Partial<ContainerRow> = {}): ContainerRow {
  return {
    id: newContainerId(),
    name: "box",
    image: "base",
    imageId: "sha256:0" as ImageId,
    createdAt: "2026-01-01T00:00:00.000000001Z",
    options: "{}",
    process: "{}",
    layers: ["sha256:a", "sha256:b"] as DiffId[],
    status: "created",
    owner: null,
    pid: 0,
    pidStart: 0n,
    monitorPid: 0,
    monitorStart: 0n,
    bootId: "",
    exitCode: null,
    oomKilled: false,
    error: "",
    startedAt: null,
    finishedAt: null,
    autoRemove: false,
    stopRequested: false,
    starts: 0,
    ...change,
  };
}

describe("insertContainer()", () => {
  test("gives back what was put in", () => {
    const put = row();
    insertContainer(store, put);
    expect(getContainer(store, put.id)).toEqual(put);
  });
  test("refuses a taken name and names its holder", () => {
    const first = row();
    insertContainer(store, first);
    expect(() => insertContainer(store, row())).toThrow(`already in use by container "${first.id}"`);
    expect(listContainers(store)).toHaveLength(1);
  });
});

describe("moveContainer()", () => {
  test("moves from the expected state once, so that two starters can't both win", () => {
    const put = row();
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
    const put = row({ id: `abc${"0".repeat(61)}` as ContainerId });
    insertContainer(store, put);
    for (const reference of [put.id, "abc", "box", "/box"]) expect(findContainer(store, reference).id).toBe(put.id);
  });
  test("prefers a name to an id prefix", () => {
    insertContainer(store, row({ id: `abc${"0".repeat(61)}` as ContainerId, name: "one" }));
    insertContainer(store, row({ id: `def${"0".repeat(61)}` as ContainerId, name: "abc" }));
    expect(findContainer(store, "abc").name).toBe("abc");
  });
  test("refuses ambiguous prefixes and unknown names", () => {
    insertContainer(store, row({ id: `abc0${"0".repeat(60)}` as ContainerId, name: "one" }));
    insertContainer(store, row({ id: `abc1${"0".repeat(60)}` as ContainerId, name: "two" }));
    expect(() => findContainer(store, "abc")).toThrow("multiple containers found");
    for (const reference of ["nobody", "", "%", "ffff"]) expect(() => findContainer(store, reference)).toThrow("No such container: ");
  });
});

test("renameContainer() refuses a taken name", () => {
  const one = row({ name: "one" });
  insertContainer(store, one);
  insertContainer(store, row({ name: "two" }));
  expect(() => renameContainer(store, one.id, "two")).toThrow("already in use");
  renameContainer(store, one.id, "three");
  expect(findContainer(store, "three").id).toBe(one.id);
  deleteContainer(store, one.id);
  expect(() => findContainer(store, "three")).toThrow("No such container");
});

test("a transaction that throws leaves nothing", () => {
  expect(() =>
    store.transaction(() => {
      insertContainer(store, row());
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
