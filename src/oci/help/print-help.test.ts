import { describe, expect, test } from "bun:test";
import { commands } from "../commands.ts";
import { globalFlags } from "../global-flags.ts";
import { commandHelp, globalHelp } from "./command-help.ts";
import { commandText, overview } from "./print-help.ts";

describe("the help of `wherry oci`", () => {
  test("knows every command, and each of its flags, and no other", async () => {
    expect(Object.keys(commandHelp).sort()).toEqual(Object.keys(commands).sort());
    expect(Object.keys(globalHelp)).toEqual(Object.keys(globalFlags));
    for (const [name, load] of Object.entries(commands)) {
      // oxlint-disable-next-line no-await-in-loop
      const { flags } = await load();
      const help = commandHelp[name]?.flags ?? {};
      expect([name, Object.keys(help).sort()]).toEqual([name, Object.keys(flags).sort()]);
      for (const [flag, { takes }] of Object.entries(flags))
        expect([name, flag, help[flag]?.[0] !== ""]).toEqual([name, flag, takes !== "switch"]);
    }
  });

  test("is made of usage, description, examples and options", () => {
    const flags = { all: { takes: "switch", aliases: ["a"] }, file: { takes: "value" } } as const;
    const help = {
      summary: "does it",
      usage: "[options] ID",
      description: "Well.",
      examples: ["do it"],
      flags: { all: ["", "all"], file: ["F", "a file"] },
    } as const;
    expect(commandText("wherry-runc", { name: "do", help, flags })).toBe(
      "wherry-runc do: does it\n\nUsage: wherry-runc [global options] do [options] ID\n\nWell.\n\n    wherry-runc do it\n\nOptions:\n  --all, -a   all\n  --file F    a file\n  --help, -h  print this help\n",
    );
  });

  test("lists commands and global options under the name it was called by", () => {
    const text = overview("wherry-runc");
    expect(text).toContain("Usage: wherry-runc [global options] COMMAND");
    expect(text).toMatch(/^ {2}exec +run a further process in a container$/m);
    expect(text).toMatch(/^ {2}--version, -v +print the version$/m);
  });
});
