import { describe, expect, test } from "bun:test";
import { userCacheDirectory, userRuntimeDirectory } from "./caller-rights.ts";

describe("userRuntimeDirectory()", () => {
  test("is XDG_RUNTIME_DIR for everybody but the host's root, and root of a whole system in a user namespace", () => {
    const env = { XDG_RUNTIME_DIR: "/run/user/1" };
    expect<string | null>(userRuntimeDirectory("user", env)).toBe("/run/user/1");
    expect<string | null>(userRuntimeDirectory("namespace-root", { ...env, USER: "me" })).toBe("/run/user/1");
    expect(userRuntimeDirectory("namespace-root", { ...env, USER: "root" })).toBeNull();
    expect(userRuntimeDirectory("root", env)).toBeNull();
  });

  test("is nothing that is not absolute", () => {
    expect(userRuntimeDirectory("user", {})).toBeNull();
    expect(userRuntimeDirectory("user", { XDG_RUNTIME_DIR: "run" })).toBeNull();
  });
});

test("userCacheDirectory() is XDG_CACHE_HOME, else in the home", () => {
  expect<string | null>(userCacheDirectory({ XDG_CACHE_HOME: "/cache", HOME: "/home/me" })).toBe("/cache");
  expect<string | null>(userCacheDirectory({ HOME: "/home/me" })).toBe("/home/me/.cache");
  expect(userCacheDirectory({})).toBeNull();
});
