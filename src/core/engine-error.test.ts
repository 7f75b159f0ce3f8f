import { expect, test } from "bun:test";
import { EngineError } from "./engine-error.ts";

test("EngineError shows control characters of hostile names instead of sending them to a terminal", () => {
  const message = "execute `\u001b]0;owned\u0007\u009b2J`:\nno such file";
  const error = new EngineError({ kind: "notFound", code: "COMMAND_NOT_FOUND", message });
  expect(error.message).toBe("execute `\\x1b]0;owned\\x07\\x9b2J`:\\nno such file");
  expect(new EngineError({ kind: "internal", code: "X", message: "`größe` → 1" }).message).toBe("`größe` → 1");
});
