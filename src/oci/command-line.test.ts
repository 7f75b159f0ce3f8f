import { expect, test } from "bun:test";
import { parseLine } from "./command-line.ts";

const table = {
  bundle: { takes: "value", aliases: ["b"] },
  force: { takes: "switch", aliases: ["f"] },
  env: { takes: "list", aliases: ["e"] },
} as const;

test("parseLine() takes Go's spellings and stops at the first word that is no flag", () => {
  expect(parseLine(table, ["-b", "/x", "--force", "-env=A=1", "--e", "B=2", "id", "-f", "--"])).toEqual({
    values: { bundle: "/x", force: true, env: ["A=1", "B=2"] },
    words: ["id", "-f", "--"],
  });
  expect(parseLine(table, ["--force=false", "--bundle=", "--", "-b"])).toEqual({
    values: { bundle: "", force: false, env: [] },
    words: ["-b"],
  });
  expect(parseLine(table, ["-"]).words).toEqual(["-"]);
});

test("parseLine() refuses in Go's words", () => {
  expect(() => parseLine(table, ["--nope"])).toThrow("flag provided but not defined: -nope");
  expect(() => parseLine(table, ["-b"])).toThrow("flag needs an argument: -b");
  expect(() => parseLine(table, ["--force=maybe"])).toThrow('invalid boolean value "maybe" for -force');
});
