// timeout: 120 s
import { expect } from "bun:test";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs");

test("README.md shows what the program really prints", async () => {
  const result = await new RunningProgram(process.execPath, [`${repository}/scripts/readme-examples.mjs`], { timeoutMs: 110_000 }).done;
  expect(result).toMatchObject({ code: 0, stderr: "" });
}, 115_000);
