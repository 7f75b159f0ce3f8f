// Archives that mean harm, each with a name, by every way in: import, load, cp -. Each ends in a clear error or in something harmless; nothing is
// made outside of the store, and the store is as it was.
// timeout: 600 s
import { beforeAll, describe, expect, test as bunTest } from "bun:test";
import { once } from "node:events";
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { goodImages, hostileImages } from "../support/hostile-images.ts";
import { bombs, hostileLayers, manyEntries, type Outcome } from "../support/hostile-layers.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";
import type { RunResult } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "busybox");
const isThere = test === bunTest;
const host = useWherryHost("hostile-archives");
const victim = `${host.directory}/victim`;
const limit = { WHERRY_MAX_LAYER_SIZE: "64m" };

/** All files beneath, with what tells a change; without the database's own, whose rows are told by the lists. */
function listing(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true })
    .map(String)
    .filter((name) => !/^wherry\.db|^cache\//.test(name))
    .map((name) => {
      const { size, mode, mtimeMs } = lstatSync(`${directory}/${name}`);
      return (mode & 0o170000) === 0o040000 ? `${name}/` : `${name} ${size} ${mode} ${mtimeMs}`;
    })
    .sort();
}

/** The store, what is known of it, and the host's directory next to it. */
async function everything(): Promise<unknown> {
  return {
    store: listing(host.root),
    victim: listing(victim),
    images: await host.ok(["images", "-aq", "--no-trunc"]),
    containers: await host.ok(["ps", "-aq", "--no-trunc"]),
  };
}

/** One line of a sentence, no control character that would reach a terminal, no stack trace. */
function isClear({ code, signal, stdout, stderr }: RunResult, outcome: RegExp): void {
  expect({ code, signal, stdout }).toEqual({ code: 1, signal: null, stdout: "" });
  expect(stderr).toMatch(outcome);
  expect(stderr).toMatch(/^wherry: [^\n]+\n$/);
  expect(stderr).not.toMatch(/internal error|TypeError|undefined/);
}

beforeAll(async () => {
  if (!isThere) return;
  mkdirSync(victim);
  writeFileSync(`${victim}/secret`, "the host's");
  await host.ok(["run", "-d", "--name", "box", "--network", "none", "base", "sleep", "100000"]);
}, 60_000);

/** Removes what an image was taken in for, so that the store must be what it was. */
async function bring(args: readonly string[], tar: Buffer, outcome: Outcome): Promise<void> {
  const before = await everything();
  const result = await host.wherry(args, { stdin: tar, env: limit });
  if (outcome === "harmless") {
    expect(result).toMatchObject({ code: 0, stderr: "" });
    await host.ok(["rmi", "-f", "hostile:1"]);
  } else if (result.code === 0) {
    // Either is right where the outcome is any error.
    expect(outcome.source).toBe(".");
    await host.ok(["rmi", "-f", "hostile:1"]);
  } else isClear(result, outcome);
  expect(await everything()).toEqual(before);
}

const layers = isThere ? hostileLayers(victim) : [];

describe("import", () => {
  for (const { name, tar, image } of layers) test(name, () => bring(["import", "-", "hostile:1"], tar, image));
  for (const { name, tar } of bombs(100 * 1024 ** 2)) {
    test(name, () => bring(["import", "-", "hostile:1"], tar, /more than 67108864 bytes once it is decompressed/));
  }
  test("a million entries", async () => {
    const before = await everything();
    const importing = host.start(["import", "-", "hostile:1"], { openStdin: true, timeoutMs: 300_000 });
    const { stdin } = importing.child;
    for await (const chunk of manyEntries(1_000_000)) {
      if (stdin?.write(chunk) === false) await once(stdin, "drain");
    }
    stdin?.end();
    expect(await importing.done).toMatchObject({ code: 0, stderr: "" });
    await host.ok(["rmi", "hostile:1"], { timeoutMs: 300_000 });
    expect(await everything()).toEqual(before);
  }, 400_000);
});

describe("load", () => {
  test("the exploits fail for what is wrong in them", async () => {
    for (const tar of goodImages) {
      const { stdout } = await host.wherry(["load"], { stdin: tar });
      expect(stdout).toMatch(/^Loaded image/);
      await host.ok(["rmi", /sha256:\w+/.exec(stdout)?.[0] ?? "hostile:1"]);
    }
  });
  for (const { name, tar, outcome } of isThere ? hostileImages(victim) : []) test(name, () => bring(["load"], tar, outcome));
});

describe("cp -", () => {
  for (const [index, { name, tar, copy }] of layers.entries()) {
    test(name, async () => {
      await host.ok(["exec", "box", "mkdir", "-p", `/in/${index}`]);
      const before = listing(victim);
      const result = await host.wherry(["cp", "-", `box:/in/${index}`], { stdin: tar, env: limit });
      if (copy === "harmless") expect(result).toMatchObject({ code: 0, stderr: "" });
      else if (result.code !== 0 || copy.source !== ".") isClear(result, copy);
      expect(listing(victim)).toEqual(before);
      expect(readFileSync(`${victim}/secret`, "utf8")).toBe("the host's");
    });
  }
  for (const { name, tar } of bombs(100 * 1024 ** 2)) {
    test(name, async () => {
      isClear(await host.wherry(["cp", "-", "box:/in"], { stdin: tar, env: limit }), /more than 67108864 bytes/);
    });
  }
  test("a device that was copied in can't be used", async () => {
    const disk = layers.find(({ name }) => name.startsWith("the host's disk"));
    await host.ok(["cp", "-", "box:/in"], { stdin: disk?.tar ?? "" });
    expect((await host.wherry(["exec", "box", "dd", "if=/in/disk", "of=/dev/null", "count=1"])).stderr).toMatch(/not permitted/);
  });
});
