// Many processes at once, on many containers and on one.
// timeout: 300 s
import { afterEach, describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";
import type { RunResult } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("parallel", { payload: true });

afterEach(async () => {
  const left = await ids();
  if (left.length > 0) await host.ok(["rm", "-f", ...left]);
});

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
const ids = async (): Promise<string[]> => lines(await host.ok(["ps", "-aq", "--no-trunc"]));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Each item's command, `width` processes at a time; results in the items' order. */
async function inParallel<Item>(items: readonly Item[], width: number, command: (item: Item) => readonly string[]): Promise<RunResult[]> {
  const results: RunResult[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await host.wherry(command(item));
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/** Commands that begin at the same moment. */
const atOnce = (commands: readonly (readonly string[])[]): Promise<RunResult[]> => inParallel(commands, commands.length, (args) => args);

/** A defect shows as a stack trace or an error without a sentence; a lost race does not. */
function expectNoDefect(results: readonly RunResult[]): void {
  for (const { stderr, signal } of results) {
    expect(signal).toBeNull();
    expect(stderr).not.toMatch(/internal error|\n {4}at |SQLITE|database is locked|undefined|ENOENT|EEXIST|EBUSY/);
  }
}

describe("200 containers by 8 processes", () => {
  test("run: none is lost, each has a name, a process and a cgroup of its own", async () => {
    const started = await inParallel(numbers(200), 8, (index) => [
      "run",
      "-d",
      ...(index % 4 === 0 ? ["--name", `given-${index}`] : []),
      "payload",
      "sleep",
    ]);
    expect(started.filter(({ code }) => code !== 0).map(({ stderr }) => stderr)).toEqual([]);
    const told = started.map(({ stdout }) => stdout.trim());
    expect(new Set(told).size).toBe(200);
    const listed = lines(await host.ok(["ps", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"])).map((line) => line.split(" "));
    expect(listed.map(([id]) => id).sort()).toEqual(told.sort());
    expect(new Set(listed.map(([, name]) => name)).size).toBe(200);
    expect(listed.filter(([, , state]) => state !== "running")).toEqual([]);

    const pids = lines(await host.ok(["inspect", "--format", "{{.Id}} {{.State.Pid}}", ...told])).map((line) => line.split(" "));
    expect(new Set(pids.map(([, pid]) => pid)).size).toBe(200);
    for (const [id = "", pid = ""] of pids) expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(`/${id}`);

    const removed = await inParallel(numbers(8), 8, (part) => ["rm", "-f", ...told.slice(part * 25, part * 25 + 25)]);
    expect(removed.map(({ code, stderr }) => ({ code, stderr }))).toEqual(numbers(8).map(() => ({ code: 0, stderr: "" })));
    expect(await ids()).toEqual([]);
    expect(readdirSync(`${host.root}/containers`)).toEqual([]);
  }, 120_000);

  test("run --rm: each has its own exit code and output, and nothing stays", async () => {
    const results = await inParallel(numbers(200), 8, (index) => ["run", "--rm", "payload", "exit", String(index)]);
    expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(numbers(200).map((index) => ({ code: index, stderr: "" })));
    expect(await ids()).toEqual([]);
    expect(readdirSync(`${host.root}/containers`)).toEqual([]);
  }, 120_000);

  test("start: all of 8 processes start all, each is started once", async () => {
    const names = numbers(24).map((index) => `box-${index}`);
    await inParallel(names, 8, (name) => ["create", "--name", name, "payload", "sleep"]);
    const orders = numbers(8).map((shift) => [...names.slice(shift * 3), ...names.slice(0, shift * 3)]);
    const results = await inParallel(orders, 8, (order) => ["start", ...order]);
    expectNoDefect(results);
    expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(numbers(8).map(() => ({ code: 0, stderr: "" })));
    const states = lines(await host.ok(["inspect", "--format", "{{.State.Status}} {{.State.Pid}}", ...names]));
    expect(states.filter((state) => !state.startsWith("running "))).toEqual([]);
    expect(new Set(states).size).toBe(24);
    expect(await host.wherry(["stop", "-t", "0", ...names])).toMatchObject({ code: 0, stderr: "" });
    const ended = lines(await host.ok(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}", ...names]));
    expect(new Set(ended)).toEqual(new Set(["exited 137 "]));
  }, 120_000);
});

describe("a name", () => {
  test.each(["create", "run"])(
    "wanted by ten processes of %s: one gets it, the others leave nothing",
    async (verb) => {
      for (const _ of numbers(5)) {
        const results = await atOnce(
          numbers(10).map(() => [verb, ...(verb === "run" ? ["-d"] : []), "--name", "wanted", "payload", "sleep"]),
        );
        const winners = results.filter(({ code }) => code === 0);
        expect(winners).toHaveLength(1);
        const id = winners[0]?.stdout.trim() ?? "";
        for (const { code, stderr } of results.filter((result) => !winners.includes(result))) {
          expect({ code, stderr }).toEqual({
            code: verb === "run" ? 125 : 1,
            stderr: expect.stringContaining(`Conflict. The container name "/wanted" is already in use by container "${id}"`),
          });
        }
        expect(await ids()).toEqual([id]);
        expect(readdirSync(`${host.root}/containers`)).toEqual([id]);
        await host.ok(["rm", "-f", "wanted"]);
      }
    },
    60_000,
  );
});

describe("one container", () => {
  /** Whatever was done to it at once: the state is one that can be, and all that follows works. */
  async function isSound(): Promise<void> {
    const [status = "", pid = ""] = (await host.ok(["inspect", "--format", "{{.State.Status}} {{.State.Pid}}", "box"])).split(" ");
    expect(["created", "running", "paused", "exited"]).toContain(status);
    expect(status === "running" || status === "paused" ? existsSync(`/proc/${pid}/ns`) : pid === "0").toBe(true);
    if (status === "paused") await host.ok(["unpause", "box"]);
    await host.ok(["start", "box"]);
    expect(await host.wherry(["exec", "box", "/payload", "exit", "7"])).toMatchObject({ code: 7 });
    await host.ok(["stop", "-t", "0", "box"]);
    expect(await host.ok(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}", "box"])).toBe("exited 137 0");
  }

  test("started, stopped, killed, restarted, paused, looked at and entered at once", async () => {
    await host.ok(["create", "--name", "box", "payload", "sleep"]);
    const commands = [
      ["start", "box"],
      ["stop", "-t", "0", "box"],
      ["start", "box"],
      ["kill", "box"],
      ["restart", "-t", "0", "box"],
      ["pause", "box"],
      ["unpause", "box"],
      ["exec", "box", "/payload", "exit"],
      ["ps", "-a"],
      ["inspect", "box"],
      ["start", "box"],
      ["wait", "box"],
      ["top", "box"],
      ["stats", "--no-stream", "box"],
      ["logs", "-f", "box"],
      ["diff", "box"],
      ["attach", "--no-stdin", "box"],
      ["commit", "box", "of-box"],
    ];
    for (const round of numbers(8)) {
      const turned = [...commands.slice(round), ...commands.slice(0, round)];
      // What waits for an end, or for a paused one to go on, gets it.
      const all = atOnce(turned);
      await unblock(all);
      expectNoDefect(await all);
      await isSound();
    }
  }, 120_000);

  /** Every command but those that wait for an end has a bounded time of its own. */
  async function unblock(all: Promise<unknown>): Promise<void> {
    let over = false;
    void all.then(() => {
      over = true;
    });
    while (!over) {
      await host.wherry(["unpause", "box"]);
      await host.wherry(["kill", "box"]);
    }
  }

  test("removed while it is being started: it is gone, whoever was first", async () => {
    for (const round of numbers(20)) {
      await host.ok(["create", "--name", "box", "payload", "sleep"]);
      const results = await atOnce(
        round % 2 === 0
          ? [
              ["start", "box"],
              ["rm", "-f", "box"],
            ]
          : [
              ["rm", "-f", "box"],
              ["start", "box"],
            ],
      );
      expectNoDefect(results);
      const removal = results[round % 2 === 0 ? 1 : 0];
      expect(removal).toMatchObject({ code: 0, stderr: "" });
      expect(await ids()).toEqual([]);
      expect(readdirSync(`${host.root}/containers`)).toEqual([]);
    }
  }, 60_000);

  test("removed by many: it is gone, and all say so", async () => {
    for (const _ of numbers(5)) {
      await host.ok(["run", "-d", "--name", "box", "payload", "sleep"]);
      const results = await atOnce(numbers(8).map(() => ["rm", "-f", "box"]));
      expectNoDefect(results);
      expect(results.map(({ code }) => code)).toEqual(numbers(8).map(() => 0));
      expect(await ids()).toEqual([]);
    }
  }, 60_000);

  test("with --rm, ended while many look at it: its exit code arrives", async () => {
    for (const _ of numbers(5)) {
      const [own, ...looks] = await atOnce([
        ["run", "--rm", "--name", "box", "payload", "exit", "9"],
        ...numbers(7).map(() => ["ps", "-a"]),
      ]);
      expect(own).toMatchObject({ code: 9, stderr: "" });
      expectNoDefect(looks);
      expect(looks.map(({ code }) => code)).toEqual(numbers(7).map(() => 0));
      expect(await ids()).toEqual([]);
    }
  }, 60_000);
});

describe("images", () => {
  test("one archive imported by eight processes under one name: one layer, and it runs", async () => {
    const archive = `${host.directory}/payload.tar`;
    const layers = readdirSync(`${host.root}/layers/sha256`);
    const results = await atOnce(numbers(8).map(() => ["import", "--change", 'ENTRYPOINT ["/payload"]', archive, "raced"]));
    expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(numbers(8).map(() => ({ code: 0, stderr: "" })));
    // The one of the image that was made of the same archive.
    expect(readdirSync(`${host.root}/layers/sha256`)).toEqual(layers);
    expect(readdirSync(`${host.root}/layers/ingest`)).toEqual([]);
    expect(readdirSync(`${host.root}/content/ingest`)).toEqual([]);
    expect(await host.wherry(["run", "--rm", "raced", "exit", "3"])).toMatchObject({ code: 3 });
    const images = new Set(results.map(({ stdout }) => stdout.trim()));
    expect(
      lines(await host.ok(["images", "-aq", "--no-trunc"]))
        .filter((id) => images.has(id))
        .sort(),
    ).toEqual([...images].sort());
    const removed = await atOnce([...images].map((id) => ["rmi", "-f", id]));
    expect(removed.map(({ code }) => code)).toEqual(removed.map(() => 0));
    expect(await host.wherry(["run", "--rm", "payload", "exit", "4"])).toMatchObject({ code: 4 });
  }, 60_000);

  test("imported and removed at once: whoever has the name last, a listed image runs", async () => {
    const archive = `${host.directory}/payload.tar`;
    for (const _ of numbers(5)) {
      const results = await atOnce(
        numbers(8).map((index) =>
          index % 2 === 0 ? ["import", "--change", 'ENTRYPOINT ["/payload"]', archive, "raced"] : ["rmi", "-f", "raced"],
        ),
      );
      expectNoDefect(results);
      expect(results.filter((_result, index) => index % 2 === 0).map(({ code, stderr }) => ({ code, stderr }))).toEqual(
        numbers(4).map(() => ({ code: 0, stderr: "" })),
      );
      const listed = lines(await host.ok(["images", "--format", "{{.ID}} {{.Repository}}"]));
      for (const [id = ""] of listed.map((line) => line.split(" "))) {
        expect(await host.wherry(["run", "--rm", "--entrypoint", "/payload", id, "exit", "5"])).toMatchObject({ code: 5 });
      }
    }
  }, 60_000);
});
