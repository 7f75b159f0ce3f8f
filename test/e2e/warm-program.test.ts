// What a first start reads is in memory once an image has been loaded: the layer that it lies in is read from the disk, not from what was just written.
import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "erofs-files", "busybox");
const host = useWherryHost("warm-program");

test("load reads the image's program, so that the first start need not wait for the disk", async () => {
  await host.ok(["run", "--rm", "--network", "none", "base", "true"]);
  await host.ok(["save", "-o", `${host.directory}/base.tar`, "base"]);
  await host.ok(["rmi", "-f", "base"]);
  await host.ok(["load", "-i", `${host.directory}/base.tar`]);
  const instance = readdirSync(`${host.runRoot}/layers`)[0] ?? "";
  const programs = readdirSync(`${host.runRoot}/layers/${instance}`)
    .map((layer) => `${host.runRoot}/layers/${instance}/${layer}/bin`)
    .filter((directory) => readdirSync(`${directory}/..`).includes("bin"))
    .map((directory) => `${directory}/busybox`);
  expect(programs).toHaveLength(1);
  const [resident, size] = run("fincore", "--bytes", "--noheadings", "--output", "RES,SIZE", programs[0] ?? "")
    .trim()
    .split(/\s+/)
    .map(Number);
  expect(resident).toBeGreaterThanOrEqual(size ?? 0);
  await host.ok(["rmi", "-f", "base"]);
});
