import { expect, test } from "bun:test";
import { scopeProperties } from "./scope-properties.ts";

test("scopeProperties() are the limits that systemd knows, without what was not given", () => {
  const properties = scopeProperties({
    memory: { limit: 100, swap: 300, reservation: 0 },
    cpu: { shares: 1024, quota: 12_345, period: 50_000 },
    pids: { limit: -1 },
  });
  expect(properties.map(({ name, value }) => `${name}=${value}`)).toEqual([
    "MemoryMax=100",
    "MemorySwapMax=200",
    "CPUWeight=100",
    "CPUQuotaPerSecUSec=250000",
    "TasksMax=18446744073709551615",
  ]);
  expect(scopeProperties({ memory: { limit: 0 }, cpu: { shares: 0, quota: 0 } })).toEqual([]);
});
