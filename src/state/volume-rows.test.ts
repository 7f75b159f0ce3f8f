import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { storedContainer } from "../../test/fakes/stored-container.ts";
import { deleteContainer, hasVolumes, insertContainer, letVolumesGo } from "./container-table.ts";
import { openStore, type Store } from "./store.ts";
import {
  countVolumeUsers,
  deleteVolume,
  getVolume,
  insertVolume,
  insertVolumeUse,
  listVolumes,
  listVolumeUsers,
  listVolumeUses,
  markFilled,
  moveVolume,
  type VolumeRow,
} from "./volume-rows.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-volumes-`);
  store = openStore(root);
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

const volume = (name: string, change: Partial<VolumeRow> = {}): VolumeRow => ({
  name,
  driver: "local",
  createdAt: "2026-01-01T00:00:00Z",
  labels: { a: "b" },
  options: {},
  anonymous: false,
  status: "ready",
  owner: null,
  ...change,
});
const use = (container: string, name: string, change: object = {}) => ({
  container: container as never,
  target: `/${name}`,
  volume: name,
  anonymous: false,
  goes: false,
  fill: true,
  ...change,
});

test("insertVolume() gives back what was put in, and leaves one of that name as it is", () => {
  const put = volume("v1", { anonymous: true, options: { type: "tmpfs" } });
  expect(insertVolume(store, put)).toBe(true);
  expect(insertVolume(store, volume("v1", { labels: {} }))).toBe(false);
  expect(getVolume(store, "v1")).toEqual(put);
  insertVolume(store, volume("a0"));
  expect(listVolumes(store).map(({ name }) => name)).toEqual(["a0", "v1"]);
});

test("moveVolume() moves from the expected state once, so that two can't both win", () => {
  insertVolume(store, volume("v1"));
  const claim = (owner: string) => moveVolume(store, "v1", { from: { status: "ready", owner: null }, to: { status: "removing", owner } });
  expect([claim("me"), claim("you")]).toEqual([true, false]);
  expect(getVolume(store, "v1")).toMatchObject({ status: "removing", owner: "me" });
});

test("a volume can't be deleted while a container has it; uses go with the container", () => {
  const container = storedContainer();
  insertContainer(store, container);
  insertVolume(store, volume("v1"));
  insertVolumeUse(store, use(container.id, "v1"));
  insertVolumeUse(store, use(container.id, "v1", { target: "/again", anonymous: true, fill: false }));
  expect(() => deleteVolume(store, "v1")).toThrow();
  expect(listVolumeUsers(store, "v1")).toEqual([container.id]);
  expect(countVolumeUsers(store).get("v1")).toBe(1);
  expect(hasVolumes(store, container.id)).toBe(true);
  markFilled(store, container.id, "/v1");
  letVolumesGo(store, container.id);
  expect(listVolumeUses(store, container.id).map(({ target, goes, fill }) => ({ target, goes, fill }))).toEqual([
    { target: "/again", goes: true, fill: false },
    { target: "/v1", goes: false, fill: false },
  ]);
  deleteContainer(store, container.id);
  expect(listVolumeUsers(store, "v1")).toEqual([]);
  expect(countVolumeUsers(store).size).toBe(0);
  expect(hasVolumes(store, container.id)).toBe(false);
  deleteVolume(store, "v1");
  expect(getVolume(store, "v1")).toBeUndefined();
});

test("a use of a volume that is not there is refused", () => {
  const container = storedContainer();
  insertContainer(store, container);
  expect(() => insertVolumeUse(store, use(container.id, "nobody"))).toThrow();
});
