import { describe, expect, test } from "bun:test";
import { describeDuration, parseDuration } from "./duration.ts";

describe("parseDuration()", () => {
  test.each([
    ["0", 0],
    ["90s", 90e9],
    ["1h30m", 5400e9],
    ["1.5ms", 1.5e6],
    ["-2m", -120e9],
    ["+1us", 1e3],
    ["1µs", 1e3],
    ["5ns", 5],
    [".5s", 0.5e9],
  ])("reads %p as %p ns", (text, nanos) => {
    expect(parseDuration(text)).toBe(nanos);
  });

  test.each(["", "5", "s", "1x", "1h 2m", "1h2", "--1s", "1.2.3s"])("refuses %p", (text) => {
    expect(() => parseDuration(text)).toThrow("invalid duration");
  });
});

describe("describeDuration()", () => {
  const minute = 60_000;
  const hour = 60 * minute;
  const day = 24 * hour;
  test.each([
    [-5, "Less than a second"],
    [999, "Less than a second"],
    [1000, "1 second"],
    [59_999, "59 seconds"],
    [minute, "About a minute"],
    [2 * minute, "2 minutes"],
    [hour, "About an hour"],
    [89 * minute, "About an hour"],
    [90 * minute, "2 hours"],
    [47 * hour, "47 hours"],
    [48 * hour, "2 days"],
    [13 * day, "13 days"],
    [14 * day, "2 weeks"],
    [59 * day, "8 weeks"],
    [60 * day, "2 months"],
    [729 * day, "24 months"],
    [730 * day, "2 years"],
  ])("calls %p ms %p", (milliseconds, words) => {
    expect(describeDuration(milliseconds)).toBe(words);
  });
});
