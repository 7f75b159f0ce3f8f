import { expect, test } from "bun:test";
import { poll } from "./poll.ts";
import { requires } from "./requires.ts";

test("requires() throws when a word is unknown", () => {
  expect(() => requires("rooot")).toThrow('requires("rooot"): unknown word');
});

test("requires() returns the real test function when nothing is missing", () => {
  expect(requires()).toBe(test);
});

test("poll() returns the first truthy answer and tells the last error when time is up", async () => {
  let calls = 0;
  expect(await poll("three calls", () => ++calls >= 3 && calls)).toBe(3);
  const failing = poll("never", () => Promise.reject(new Error("no such file")), { timeoutMs: 20 });
  await expect(failing).rejects.toThrow("timed out: never (no such file)");
});
