import { describe, expect, test } from "bun:test";
import { verbHelp } from "./flags/help-text.ts";
import { groups, verbs } from "./verb-table.ts";

const all = [
  ...Object.entries(verbs).map(([name, entry]) => [`wherry ${name}`, entry] as const),
  ...Object.entries(groups).flatMap(([group, { verbs: own }]) =>
    Object.entries(own).map(([name, entry]) => [`wherry ${group} ${name}`, entry] as const),
  ),
];

describe.each(all)("%s", (name, entry) => {
  test("has the same summary in the table and in its own help", async () => {
    expect((await entry.load()).summary).toBe(entry.summary);
  });

  test("names itself among its aliases", async () => {
    const { aliases } = await entry.load();
    if (aliases !== undefined) expect(aliases).toContain(name);
  });

  test("gives every flag a help text, and no short flag twice", async () => {
    const { flags } = await entry.load();
    const shown = Object.entries(flags).filter(([, spec]) => spec.hidden !== true);
    expect(shown.filter(([, spec]) => spec.help === "").map(([flag]) => flag)).toEqual([]);
    const shorts = Object.values(flags).flatMap((spec) => (spec.short === undefined ? [] : [spec.short]));
    expect(shorts.length).toBe(new Set(shorts).size);
  });

  test("prints help no wider than a terminal", async () => {
    const help = verbHelp(await entry.load(), name);
    // The line of usage and that of aliases are docker's, too, and not broken.
    const wide = help.split("\n").filter((line) => line.length > 80 && !line.startsWith("Usage:") && !line.includes("wherry container"));
    expect(wide.filter((line) => line.startsWith(" "))).toEqual([]);
  });
});

test.each(Object.keys(verbs))("help of %s", async (name) => {
  const entry = verbs[name];
  expect(entry === undefined ? "" : verbHelp(await entry.load(), `wherry ${name}`)).toMatchSnapshot();
});
