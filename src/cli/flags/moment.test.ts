import { expect, test } from "bun:test";
import { parseMoment } from "./moment.ts";

const now = new Date("2026-01-02T04:00:00Z");

test.each([
  ["10m", "2026-01-02T03:50:00.000Z"],
  ["1h30m", "2026-01-02T02:30:00.000Z"],
  ["0", "1970-01-01T00:00:00.000Z"],
  ["1767326400", "2026-01-02T04:00:00.000Z"],
  ["1767326400.25", "2026-01-02T04:00:00.250Z"],
  ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"],
  ["2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123Z"],
  ["2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000Z"],
  ["2026-01-02T03:04Z", "2026-01-02T03:04:00.000Z"],
  ["2026-01-02Z", "2026-01-02T00:00:00.000Z"],
])("parseMoment() reads %p as %p", (text, moment) => {
  expect(parseMoment(text, now).toISOString()).toBe(moment);
});

test("parseMoment() takes a time without zone for local", () => {
  expect(parseMoment("2026-01-02T03:04:05", now)).toEqual(new Date(2026, 0, 2, 3, 4, 5));
  expect(parseMoment("2026-01-02", now)).toEqual(new Date(2026, 0, 2));
});

test.each(["", "yesterday", "2026-13-01", "2026-01-02T25:00:00Z", "10x"])("parseMoment() refuses %p", (text) => {
  expect(() => parseMoment(text, now)).toThrow("is n");
});
