import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import type { OciIntelRdt } from "../plan/oci-config.ts";
import { containerFiles, readCreatedConfig } from "./container-record.ts";
import { type ClassOfServiceChange, updateClassOfService } from "./update-class-of-service.ts";

let directory: string;
let resctrl: HostPath;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-resctrl-`);
  resctrl = `${directory}/resctrl` as HostPath;
  for (const name of ["info/L3", "info/MB", "gold"]) mkdirSync(`${resctrl}/${name}`, { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true }));

function update(change: ClassOfServiceChange, intelRdt?: OciIntelRdt, where: HostPath | null = resctrl) {
  const files = containerFiles(directory, "box");
  mkdirSync(files.directory, { recursive: true });
  writeFileSync(files.config, JSON.stringify({ ociVersion: "1.0.2", linux: intelRdt === undefined ? {} : { intelRdt } }));
  updateClassOfService(files, { id: "box", pid: 42 }, { change, resctrl: where });
  return readCreatedConfig(files).linux?.intelRdt;
}

test("a container in no class of service gets its own, and it is noted for its removal", () => {
  const change = { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=50" };
  expect(update(change)).toEqual(change);
  expect(readFileSync(`${resctrl}/box/schemata`, "utf8")).toBe("L3:0=f\nMB:0=50\n");
  expect(readFileSync(`${resctrl}/box/tasks`, "utf8")).toBe("42");
});

test("the class that a container is in is changed", () => {
  expect(update({ memBwSchema: "MB:0=70" }, { closID: "gold" })).toEqual({ closID: "gold" });
  expect(readFileSync(`${resctrl}/gold/schemata`, "utf8")).toBe("MB:0=70\n");
});

test("what the host can't do is refused in runc's words, and what it refuses is told", () => {
  expect(() => update({ l3CacheSchema: "L3:0=f" }, undefined, null)).toThrow("Intel RDT/CAT: l3 cache schema is not enabled");
  rmSync(`${resctrl}/info/MB`, { recursive: true });
  expect(() => update({ memBwSchema: "MB:0=70" })).toThrow("Intel RDT/MBA: memory bandwidth schema is not enabled");
  expect(() => update({ l3CacheSchema: "L3:0=f" }, { closID: "nosuch" })).toThrow("set the resctrl schemata of container `box`");
});
