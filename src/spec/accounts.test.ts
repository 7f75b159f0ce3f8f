import { describe, expect, test } from "bun:test";
import { EngineError } from "../core/engine-error.ts";
import { resolveUser } from "./accounts.ts";

const files = {
  passwd:
    "root:x:0:0:root:/root:/bin/sh\nbroken\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\nana:x:1000:100:Ana:/home/ana:/bin/sh\nevil:x:99999999999:0::/:\nrel:x:7:7::relative:\n",
  group: "root:x:0:\nusers:x:100:ana\nwheel:x:10:root,ana\n# comment:x:5:ana\ndocker:x:999:ana\n",
};

describe("resolveUser()", () => {
  test("gives root its home and groups when no user is named", () => {
    expect(resolveUser("", [], files)).toEqual({ uid: 0, gid: 0, additionalGids: [0, 10], home: "/root" });
  });
  test("brings group, supplementary groups and home with a name", () => {
    expect(resolveUser("ana", [], files)).toEqual({ uid: 1000, gid: 100, additionalGids: [100, 10, 999], home: "/home/ana" });
  });
  test("finds a listed uid as its name", () => {
    expect(resolveUser("1000", [], files)).toEqual(resolveUser("ana", [], files));
  });
  test("gives an unlisted uid gid 0 and /", () => {
    expect(resolveUser("4242", [], files)).toEqual({ uid: 4242, gid: 0, additionalGids: [0], home: "/" });
  });
  test("lets an explicit group replace all others", () => {
    expect(resolveUser("ana:wheel", [], files)).toMatchObject({ gid: 10, additionalGids: [10] });
    expect(resolveUser("ana:77", [], files)).toMatchObject({ gid: 77, additionalGids: [77] });
  });
  test("adds --group-add by name and number, once each", () => {
    expect(resolveUser("nobody", ["wheel", "10", "5"], files).additionalGids).toEqual([65534, 10, 5]);
  });
  test("ignores lines that are no entries, ids beyond 31 bits, relative homes", () => {
    expect(() => resolveUser("evil", [], files)).toThrow("unable to find user evil");
    expect(resolveUser("rel", [], files).home).toBe("/");
  });
  test("works without any account file for root and numbers", () => {
    const empty = { passwd: "", group: "" };
    expect(resolveUser("", [], empty)).toEqual({ uid: 0, gid: 0, additionalGids: [0], home: "/root" });
    expect(resolveUser("12:34", [], empty)).toMatchObject({ uid: 12, gid: 34 });
  });
  test("refuses unknown names with the code that callers match", () => {
    const codes = { mallory: "USER_NOT_FOUND", "ana:nogroup": "USER_NOT_FOUND", "2147483648": "INVALID_OPTION", "7:-1": "INVALID_OPTION" };
    for (const [user, code] of Object.entries(codes)) {
      const error = (() => {
        try {
          resolveUser(user, [], files);
        } catch (caught) {
          return caught;
        }
        return undefined;
      })();
      expect(error).toBeInstanceOf(EngineError);
      expect((error as EngineError).code).toBe(code);
    }
  });
  test("takes a number for an id, whatever the files call so (CVE-2016-3697)", () => {
    const hostile = { passwd: "1000:x:0:0::/root:/bin/sh\nana:x:1000:100::/home/ana:\n", group: "5:x:0:\n" };
    expect(resolveUser("1000:5", ["5"], hostile)).toMatchObject({ uid: 1000, gid: 5, additionalGids: [5], home: "/home/ana" });
    expect(resolveUser("01000", [], hostile)).toMatchObject({ uid: 1000, gid: 100 });
  });
});
