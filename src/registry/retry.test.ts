import { describe, expect, test } from "bun:test";
import { EngineError } from "../core/engine-error.ts";
import { defaultRetryPolicy, parseRetryAfter, retryDelayMs, sleep } from "./retry.ts";

const now = new Date("2026-01-02T03:04:05Z");
const error = (details: Readonly<Record<string, unknown>>) =>
  new EngineError({ kind: "unavailable", code: "REGISTRY_FAILED", message: "x", details });
const transient = error({ transient: true });

describe("retryDelayMs()", () => {
  test("doubles, up to a limit, with a part left to chance", () => {
    for (const [attempt, ceiling] of [
      [2, 250],
      [3, 500],
      [5, 2000],
    ] as const) {
      const delay = retryDelayMs(transient, attempt, defaultRetryPolicy, now) ?? -1;
      expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
      expect(delay).toBeLessThanOrEqual(ceiling);
    }
    expect(retryDelayMs(transient, 5, { ...defaultRetryPolicy, mostMs: 300 }, now)).toBeLessThanOrEqual(300);
  });

  test("is for transient errors, and so many tries", () => {
    expect(retryDelayMs(error({}), 2, defaultRetryPolicy, now)).toBeUndefined();
    expect(retryDelayMs(new Error("bug"), 2, defaultRetryPolicy, now)).toBeUndefined();
    expect(retryDelayMs(transient, 6, defaultRetryPolicy, now)).toBeUndefined();
  });

  test("honours Retry-After, unless that is too long", () => {
    expect(retryDelayMs(error({ transient: true, retryAfter: "7" }), 2, defaultRetryPolicy, now)).toBe(7000);
    expect(retryDelayMs(error({ transient: true, retryAfter: "61" }), 2, defaultRetryPolicy, now)).toBeUndefined();
  });
});

test.each([
  ["120", 120_000],
  ["Fri, 02 Jan 2026 03:04:15 GMT", 10_000],
  ["Fri, 02 Jan 2026 03:04:00 GMT", 0],
  ["soon", undefined],
  [undefined, undefined],
])("parseRetryAfter(%p) is %p", (value, expected) => {
  expect(parseRetryAfter(value, now)).toBe(expected);
});

test("sleep() ends at once when aborted, with the signal's reason", async () => {
  const controller = new AbortController();
  const sleeping = sleep(60_000, controller.signal);
  const reason = new Error("enough");
  controller.abort(reason);
  expect(await sleeping.catch((thrown: unknown) => thrown)).toBe(reason);
});
