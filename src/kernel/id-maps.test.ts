import { expect, test } from "bun:test";
import { parseIdMap, readIdMaps } from "./id-maps.ts";

test("parseIdMap() reads what the kernel prints", () => {
  expect(parseIdMap("         0     100000      65536\n     70000       1000          1\n")).toEqual([
    { containerID: 0, hostID: 100_000, size: 65_536 },
    { containerID: 70_000, hostID: 1000, size: 1 },
  ]);
});

test("readIdMaps() reads a process's, and says which namespace can't be read", () => {
  expect(readIdMaps("/proc/self/ns/user").uid.length).toBeGreaterThan(0);
  expect(() => readIdMaps("/nonexistent/ns")).toThrow("read the id mappings of the user namespace `/nonexistent/ns`");
});
