import { describe, expect, test } from "bun:test";
import { parseBacking } from "./local-driver.ts";
import { checkVolumeName } from "./volume-name.ts";

describe("parseBacking()", () => {
  test("knows a plain volume, a bound directory and a memory file system", () => {
    expect(parseBacking("v", {})).toEqual({ kind: "directory" });
    expect(parseBacking("v", { type: "none", o: "bind", device: "/x" })).toEqual({ kind: "bind", device: "/x" as never, readonly: false });
    expect(parseBacking("v", { o: "rbind,ro", device: "/x" })).toMatchObject({ kind: "bind", readonly: true });
    expect(parseBacking("v", { type: "tmpfs", device: "tmpfs", o: "size=1m,uid=5" })).toEqual({
      kind: "tmpfs",
      options: ["size=1m", "uid=5"],
    });
  });

  test.each([
    [{ bad: "1" }, 'create v: invalid option: "bad"'],
    [{ type: "none" }, 'create v: missing required option: "device"'],
    [{ device: "/x" }, 'create v: missing required option: "type"'],
    [{ type: "nfs", device: ":/x", o: "addr=1.2.3.4" }, 'volumes of type "nfs" are not there'],
    [{ o: "bind", device: "x/../y" }, "must be an absolute path"],
    [{ size: "3" }, "no quota support"],
  ])("refuses %j", (options, message) => {
    expect(() => parseBacking("v", options as Record<string, string>)).toThrow(message);
  });
});

describe("checkVolumeName()", () => {
  test.each(["ab", "A1", "0_.-", "a".repeat(255)])("takes %s", (name) => {
    expect(checkVolumeName(name)).toBe(name);
  });
  test.each(["", "a", ".", "..", "../x", "a/b", "-a", "_a", ".hid", "a\0b", "a b", "ä1", "a\n", "a".repeat(256)])("refuses %j", (name) => {
    expect(() => checkVolumeName(name)).toThrow(/invalid characters|too short|at most/);
  });
});
