import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import {
  claimContainer,
  containerFiles,
  type ContainerRecord,
  findRecord,
  listContainerIds,
  readRecord,
  removeRecord,
  writeRecord,
} from "./container-record.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-record-`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const record: ContainerRecord = {
  format: 1,
  id: "one",
  ociVersion: "1.0.2",
  bundle: "/bundle" as HostPath,
  rootfs: "/bundle/rootfs" as HostPath,
  created: "2026-01-02T03:04:05.000Z",
  pid: 0,
  startTime: "0",
  bootId: "boot",
  cgroup: "/group",
  annotations: {},
  afterStart: { first: 0, steps: [], command: "sh" },
};

test("an id is claimed once, and its directory is root's alone", () => {
  const files = containerFiles(root, "one");
  claimContainer(files, "one");
  expect(statSync(files.directory).mode & 0o777).toBe(0o700);
  expect(() => claimContainer(files, "one")).toThrow("container with given ID already exists");
  expect(findRecord(files)).toBeNull();
  expect(() => readRecord(files)).toThrow("container does not exist");
  writeRecord(files, record);
  expect(readRecord(files)).toEqual(record);
  expect(readdirSync(files.directory)).toEqual(["state.json"]);
  expect(listContainerIds(root)).toEqual(["one"]);
  removeRecord(files);
  expect(listContainerIds(root)).toEqual([]);
});

test("a process that only its monitor has noted is known", () => {
  const files = containerFiles(root, "one");
  claimContainer(files, "one");
  writeRecord(files, record);
  writeFileSync(`${files.directory}/started`, "pid 12\nstart 345\nmonitor 13\nmonitor-start 340\ntime 1\n");
  expect(readRecord(files)).toEqual({ ...record, pid: 12, startTime: "345" });
});

test.each(["", ".", "..", "a/b", "a b", "a\n"])("%j is no id", (id) => {
  expect(() => containerFiles(root, id)).toThrow("invalid container ID format");
});

test("an id is no longer than a directory's name may be", () => {
  expect(() => containerFiles(root, "x".repeat(256))).toThrow("invalid container ID format");
});
