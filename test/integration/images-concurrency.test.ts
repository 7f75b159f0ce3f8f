import { afterEach, beforeEach, describe, expect } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { createReadStream, readdirSync, writeFileSync } from "node:fs";
import { archive } from "../contracts/layer-driver.ts";
import { repository } from "../support/host-features.ts";
import { ImageRoot, launcher } from "../support/image-root.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root");

describe("images, several processes", () => {
  let place: ImageRoot;
  beforeEach(() => {
    place = new ImageRoot();
  });
  afterEach(() => place[Symbol.dispose](), 60_000);

  /** Starts a process that has `images` and `layers` of the same root, and runs `body`. */
  function start(body: string, ...args: readonly string[]): ChildProcess & { readonly ended: Promise<string> } {
    const program = `
      import { createReadStream } from "node:fs";
      const { openStore } = await import("${repository}/src/state/store.ts");
      const { ContentStore } = await import("${repository}/src/content/content-store.ts");
      const { testLayers } = await import("${repository}/test/support/test-layers.ts");
      const { ImageStore } = await import("${repository}/src/images/image-store.ts");
      const [root, archive, name] = process.argv.slice(2);
      const layers = testLayers(root);
      const images = new ImageStore({ store: openStore(root), launcher: "${launcher}", content: new ContentStore(root), layers });
      ${body}`;
    writeFileSync(`${place.base}/program.ts`, program);
    const child = spawn(process.execPath, [`${place.base}/program.ts`, place.root, `${place.base}/a.tar`, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<string>((resolve) => child.on("close", (code, signal) => resolve(signal ?? String(code))));
    return Object.assign(child, { ended });
  }

  test("those that import and remove one archive at the same time never have an image without its layer", async () => {
    writeFileSync(`${place.base}/a.tar`, archive({ path: "f", data: "x".repeat(200_000) }, { path: "etc/passwd", data: "root" }));
    const body = `
      for (let turn = 0; turn < 15; turn++) {
        await images.import(createReadStream(archive), { reference: name });
        if (!images.resolve(name).diffIds.every((id) => layers.has(id))) throw new Error("an image without its layer");
        await images.remove(name);
      }`;
    const children = ["one", "two", "three"].map((name) => start(body, name));
    expect(await Promise.all(children.map((child) => child.ended))).toEqual(["0", "0", "0"]);
    expect(await place.images.list({ all: true })).toEqual([]);
    expect(place.stored()).toEqual([]);
  }, 60_000);

  test("what a killed import leaves is removed by the next", async () => {
    const members = Array.from({ length: 3000 }, (_, index) => ({ path: `d${index % 50}/f${index}`, data: "x".repeat(3000) }));
    writeFileSync(`${place.base}/a.tar`, archive(...members));
    const body = `
      console.log("begin");
      await images.import(createReadStream(archive), { reference: "x" });`;
    const ends: string[] = [];
    for (const delayMs of [1, 5, 20, 40, 80]) {
      const child = start(body);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      setTimeout(() => child.kill("SIGKILL"), delayMs);
      ends.push(await child.ended);
      if ((await place.images.list()).length > 0) await place.images.remove("x");
    }
    expect(ends.filter((end) => end === "SIGKILL").length).toBeGreaterThanOrEqual(3);
    expect(ends.filter((end) => end !== "SIGKILL" && end !== "0")).toEqual([]);
    // A dead client's launcher may still be ending.
    await poll("nothing is left", async () => {
      await place.import("other", { path: "f" });
      await place.images.remove("other");
      return place.stored().length === 0;
    });
    expect(readdirSync(`${place.root}/layers/sha256`)).toEqual([]);
    expect(await place.images.import(createReadStream(`${place.base}/a.tar`), { reference: "x" })).toMatch(/^sha256:/);
  }, 60_000);
});
