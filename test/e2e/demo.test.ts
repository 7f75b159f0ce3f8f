// alone: it claims things about time and processor shares
import { expect } from "bun:test";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs");
const host = useWherryHost("demo");

test("demo shows every claim to hold and leaves no container", async () => {
  const result = await host.wherry(["demo"]);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  expect(result.stdout).not.toContain("✗");
  expect(result.stdout.match(/✓/g)?.length).toBeGreaterThanOrEqual(20);
  expect(await host.ok(["ps", "-aq"])).toBe("");
}, 60_000);
