// alone: it claims things about time and processor shares
import { expect } from "bun:test";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs");
const host = useWherryHost("demo");

test("demo shows every claim to hold and leaves no container", async () => {
  const { code, stdout, stderr } = await host.wherry(["demo"]);
  expect(stdout.split("\n").filter((line) => line.includes("✗"))).toEqual([]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.match(/✓/g)?.length).toBeGreaterThanOrEqual(20);
  expect(await host.ok(["ps", "-aq"])).toBe("");
}, 120_000);
