// The file system of the data root is full: one sentence, nothing left behind, and what runs can be stopped and removed.
import { afterAll, afterEach, beforeAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { archive } from "../contracts/layer-driver.ts";
import { digestOf, FakeRegistry } from "../fakes/fake-registry.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { WherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");

/** Its data root is a small file system of its own; its run root is not. */
class SmallHost extends WherryHost {
  readonly #filler = `${this.root}/filler`;

  constructor(topic: string) {
    super(topic);
    mkdirSync(this.root, { recursive: true });
    mount("-t", "tmpfs", "-o", "size=16m,mode=711", "wherry-test", this.root);
  }

  /** Leaves not one block, or so many bytes. */
  fill(leave = 0): void {
    const chunk = Buffer.alloc(64 * 1024);
    const before = `${this.root}/leave`;
    if (leave > 0) writeFileSync(before, Buffer.alloc(leave));
    const fd = openSync(this.#filler, "a");
    try {
      for (let size = chunk.length; size >= 512; ) {
        try {
          writeSync(fd, chunk, 0, size);
        } catch {
          size /= 2;
        }
      }
    } finally {
      closeSync(fd);
      rmSync(before, { force: true });
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  override async dispose(): Promise<void> {
    this.empty();
    const ids = (await this.ok(["ps", "-aq"])).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.ok(["rm", "-f", ...ids]);
    await poll("the root to be free", () => spawnSync("umount", [this.root]).status === 0);
    await super.dispose();
  }
}

function mount(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`mount ${args.join(" ")}: ${stderr}`);
}

const host = new SmallHost("disk-full");

/** The payload with a directory of four files, a megabyte each. */
function bigArchive(): string {
  const tree = `${host.directory}/payload-tree`;
  mkdirSync(`${tree}/data`, { recursive: true });
  for (let index = 0; index < 4; index++) writeFileSync(`${tree}/data/${index}`, Buffer.alloc(1024 * 1024, index + 1));
  const archive = `${host.directory}/big.tar`;
  spawnSync("tar", ["-C", tree, "--owner=0", "--group=0", "--numeric-owner", "-cf", archive, "."]);
  return archive;
}

beforeAll(async () => {
  await host.importPayload();
  await host.ok(["run", "--rm", "payload", "exit"]);
}, 60_000);
afterEach(() => {
  host.empty();
});
afterAll(async () => {
  await host.dispose();
}, 60_000);

const states = async (): Promise<string> => host.ok(["ps", "-a", "--format", "{{.Names}} {{.State}}"]);

describe("a full disk", () => {
  test("refuses what is new in one sentence, and nothing of it stays", async () => {
    host.fill();
    for (const [code, args] of [
      [1, ["create", "payload", "exit"]],
      [125, ["run", "payload", "exit"]],
      [125, ["run", "-d", "payload", "exit"]],
      [1, ["import", `${host.directory}/payload.tar`, "again"]],
    ] as const) {
      const result = await host.wherry(args);
      expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
      expect(result.stderr).toMatch(/^wherry: .*no space left on device; free some and try again\n$/);
    }
    expect(await states()).toBe("");
    expect(readdirSync(`${host.root}/containers`)).toEqual([]);
    host.empty();
    expect(await host.wherry(["run", "--rm", "payload", "exit", "3"])).toMatchObject({ code: 3, stderr: "" });
  });

  test("does not keep anybody from looking, entering, stopping and removing", async () => {
    for (const name of ["one", "two", "three"]) await host.ok(["run", "-d", "--name", name, "payload", "sleep"]);
    host.fill();
    expect(await states()).toBe("three running\ntwo running\none running");
    expect(await host.wherry(["exec", "one", "/payload", "exit", "4"])).toMatchObject({ code: 4 });
    expect(await host.wherry(["stop", "-t", "0", "one"])).toMatchObject({ code: 0, stderr: "" });
    expect(await host.wherry(["kill", "two"])).toMatchObject({ code: 0, stderr: "" });
    expect(await host.wherry(["wait", "two"])).toMatchObject({ code: 0, stdout: "137\n" });
    expect(await host.wherry(["rm", "one"])).toMatchObject({ code: 0, stderr: "" });
    expect(await host.wherry(["rm", "-f", "three"])).toMatchObject({ code: 0, stderr: "" });
    expect(await states()).toBe("two exited");
    host.empty();
    await host.ok(["rm", "two"]);
    // What was held back for this is held back again.
    await host.ok(["create", "--name", "later", "payload", "exit"]);
    expect(statSync(`${host.root}/reserve`).size).toBeGreaterThan(0);
    await host.ok(["rm", "later"]);
  });

  test("leaves no half-filled volume, and lets volumes be removed", async () => {
    await host.ok(["import", "--change", "VOLUME /data", "--change", 'ENTRYPOINT ["/payload"]', bigArchive(), "big"]);
    await host.ok(["volume", "create", "kept"]);
    await host.ok(["volume", "create", "unused"]);
    host.fill();
    for (const args of [
      ["volume", "create", "more"],
      ["create", "-v", "kept:/data", "big", "exit"],
      ["run", "--rm", "-v", "kept:/data", "big", "exit"],
    ]) {
      const result = await host.wherry(args);
      expect({ args, failed: result.code !== 0 }).toEqual({ args, failed: true });
      expect(result.stderr).toMatch(/^wherry: .*no space left on device/);
    }
    expect(readdirSync(`${host.root}/volumes/kept`)).toEqual(["_data"]);
    expect(readdirSync(`${host.root}/volumes/kept/_data`)).toEqual([]);
    expect(await host.wherry(["volume", "rm", "unused"])).toMatchObject({ code: 0, stderr: "" });
    host.empty();
    // Room for the rows, not for the content.
    host.fill(3 * 1024 * 1024);
    expect(await host.wherry(["run", "--rm", "-v", "kept:/data", "big", "exit"])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("no space left on device"),
    });
    expect(readdirSync(`${host.root}/volumes/kept`)).toEqual(["_data"]);
    expect(readdirSync(`${host.root}/volumes/kept/_data`)).toEqual([]);
    expect(await states()).toBe("");
    host.empty();
    await host.ok(["run", "--rm", "-v", "kept:/data", "big", "exit"]);
    expect(readdirSync(`${host.root}/volumes/kept/_data`)).toHaveLength(4);
    await host.ok(["volume", "rm", "kept"]);
    await host.ok(["rmi", "big"]);
  });

  test.each([0, 64, 1024, 3 * 1024, 5 * 1024])("with %p kB left, takes a pull or leaves nothing of it", async (kilobytes) => {
    await using registry = await FakeRegistry.start();
    const layers = [1, 2].map((seed) => archive({ path: `pulled-${seed}`, data: String(seed).repeat(2 * 1024 * 1024) }));
    registry.addImage("box:1", layers);
    const name = `${registry.host}/box:1`;
    host.fill(kilobytes * 1024);
    const result = await host.wherry(["pull", "-q", name]);
    if (result.code !== 0) {
      expect(result.stderr).toMatch(/^wherry: .*no space left on device.*\n$/);
      expect(await host.ok(["images", "-q", name])).toBe("");
    }
    host.empty();
    await host.ok(["pull", "-q", name]);
    await host.ok(["rmi", name]);
    expect(readdirSync(`${host.root}/content/ingest`)).toEqual([]);
    const digests = layers.map((layer) => digestOf(layer).slice(7));
    const left = ["content", "layers"].flatMap((part) => readdirSync(`${host.root}/${part}`, { recursive: true, encoding: "utf8" }));
    expect(left.filter((path) => digests.some((digest) => path.includes(digest)))).toEqual([]);
  });

  test("costs the log its lines, not the container its life nor its reader the output", async () => {
    const running = host.start(["run", "--name", "loud", "payload", "interleave", "200000"]);
    await poll("it to write", () => running.stdout.length > 0);
    host.fill();
    const { code, stdout, stderr } = await running.done;
    expect(code).toBe(0);
    expect(stdout.split("\n").length + stderr.split("\n").length).toBeGreaterThanOrEqual(200_000);
    host.empty();
    expect(await states()).toBe("loud exited");
    const logs = await host.wherry(["logs", "loud"]);
    expect(logs.code).toBe(0);
    const kept = logs.stdout.length + logs.stderr.length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(stdout.length + stderr.length);
    await host.ok(["rm", "loud"]);
  }, 60_000);
});
