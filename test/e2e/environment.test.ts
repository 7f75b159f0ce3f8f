// Neither the environment nor the working directory changes what runs: the runtime inside the engine would obey both (docs/adr/0001).
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("binary");
const directory = mkdtempSync(`${tmpdir()}/wherry-environment-`);
const trace = `${directory}/trace`;
const hostile = `${directory}/hostile.js`;

beforeAll(() => {
  writeFileSync(hostile, `require("node:fs").writeFileSync(${JSON.stringify(trace)}, "ran");`);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const run = async (program: string, env: Readonly<Record<string, string>>, cwd = "/") => {
  rmSync(trace, { force: true });
  const result = await new RunningProgram(`${repository}/dist/${program}`, ["completion", "bash"], { env, cwd }).done;
  return { code: result.code, stdout: result.stdout, hostileRan: existsSync(trace) };
};

describe("the built program", () => {
  test.each([
    ["BUN_OPTIONS", () => `--preload=${hostile}`],
    ["BUN_OPTIONS", () => "--version"],
    ["BUN_BE_BUN", () => "1"],
    ["BUN_JSC_dumpOptions", () => "1"],
    ["BUN_INSPECT", () => "127.0.0.1:0"],
    ["NODE_OPTIONS", () => `--require=${hostile}`],
    ["BUN_PRELOAD", () => hostile],
    ["MIMALLOC_VERBOSE", () => "1"],
    ["mimalloc_show_stats", () => "1"],
    ["WHERRY_LAUNCHER", () => "0"],
  ])("does the same when %s is set", async (name, value) => {
    const plain = await run("wherry", {});
    expect(plain.code).toBe(0);
    expect(await run("wherry", { [name]: value() })).toEqual(plain);
  });

  test("does the same in a directory with a hostile bunfig.toml, .env, package.json and tsconfig.json", async () => {
    writeFileSync(`${directory}/bunfig.toml`, 'preload = ["./hostile.js"]\n');
    writeFileSync(`${directory}/.env`, "WHERRY_ROOT=/nowhere\nBUN_OPTIONS=--version\n");
    writeFileSync(`${directory}/package.json`, '{"type":"commonjs","imports":{"#x":"./hostile.js"}}');
    writeFileSync(`${directory}/tsconfig.json`, '{"compilerOptions":{"baseUrl":".","paths":{"node:fs":["./hostile.js"]}}}');
    expect(await run("wherry", {}, directory)).toEqual(await run("wherry", {}));
  });

  test("is what protects: the engine without its front obeys BUN_OPTIONS", async () => {
    expect((await run("engine", { BUN_OPTIONS: `--preload=${hostile}` })).hostileRan).toBe(true);
  });
});
