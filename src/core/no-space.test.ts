import { expect, test } from "bun:test";
import { noSpaceError } from "./no-space.ts";

const thrown = (properties: object) => Object.assign(new Error("text"), properties);

test("noSpaceError() knows a full disk and a quota, from the system and from SQLite", () => {
  expect(noSpaceError(thrown({ code: "ENOSPC", syscall: "mkdir", path: "/a" }))).toMatchObject({
    code: "NO_SPACE",
    kind: "resourceExhausted",
    message: "mkdir `/a`: no space left on device; free some and try again",
  });
  expect(noSpaceError(thrown({ code: "EDQUOT", syscall: "write" }))?.message).toStartWith("write: disk quota exceeded");
  for (const errcode of [13, 778, 4874]) {
    expect(noSpaceError(thrown({ code: "ERR_SQLITE_ERROR", errcode }))?.message).toStartWith("write the state: no space left");
  }
});

test("noSpaceError() leaves all else alone", () => {
  for (const other of [thrown({ code: "EACCES" }), thrown({ code: "ERR_SQLITE_ERROR", errcode: 5 }), thrown({}), "ENOSPC", undefined]) {
    expect(noSpaceError(other)).toBeUndefined();
  }
});
