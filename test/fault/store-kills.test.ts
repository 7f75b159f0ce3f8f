// Whatever changes the image store is killed at moments chosen at random, one or several at once: the store stays sound, a repeat succeeds,
// no byte is left over, and containers go on reading what they read before.
//
//   WHERRY_KILL_SECONDS=300 WHERRY_KILL_SEED=7   for longer, and other moments
// timeout: 120 s
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { bulkImage, bulkText } from "../support/bulk-image.ts";
import { digestOf, ociArchive, oldDockerArchive, tarOf } from "../support/image-archives.ts";
import { killEngine, killTree } from "../support/kill-tree.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { findStoreFaults } from "../support/store-checker.ts";
import { TestRegistry } from "../support/test-registry.ts";
import { WherryHost } from "../support/wherry-host.ts";
import type { RunningProgram, RunOptions } from "../support/wherry-process.ts";

const seconds = Number(process.env["WHERRY_KILL_SECONDS"] ?? 8);
const seed = Number(process.env["WHERRY_KILL_SEED"] ?? 20_261_124);

interface Operation {
  readonly name: string;
  readonly args: readonly string[];
  readonly stdin?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** What it may say instead of succeeding, when others were at work. */
  readonly or?: RegExp;
}

describe.each(["erofs", "directory"] as const)("with layers by %s", (driver) => {
  const test = requires("root", "binary", "overlayfs", "payload", "docker-registry", ...(driver === "erofs" ? ["erofs-layers"] : []));
  const env = { WHERRY_LAYER_DRIVER: driver };
  let host: WherryHost;
  let registry: TestRegistry;
  let operations: readonly Operation[] = [];

  const ok = (args: readonly string[], options: RunOptions = {}): Promise<string> => host.ok(args, { env, ...options });
  const start = ({ args, stdin, env: more = {} }: Operation): RunningProgram =>
    host.start(args, { env: { ...env, ...more }, ...(stdin === undefined ? {} : { stdin }), timeoutMs: 30_000 });

  beforeAll(async () => {
    if (test !== bunTest) return;
    host = new WherryHost(`store-kills-${driver}`);
    registry = await TestRegistry.start(`${host.directory}/registry`);
    const docker = tarOf(oldDockerArchive([{ image: bulkImage("docker"), tags: ["docker:1"] }]));
    const oci = tarOf(ociArchive(bulkImage("of-oci"), "oci:1"));
    writeFileSync(`${host.directory}/docker.tar`, docker);
    writeFileSync(`${host.directory}/oci.tar`, oci);
    for (const name of ["one", "other"]) {
      const tag = `${registry.host}/${name}:1`;
      await ok(["load"], { stdin: gzipSync(tarOf(ociArchive(bulkImage(`pulled-${name}`), tag)), { level: 1 }) });
      await ok(["push", "-q", tag]);
      await ok(["rmi", "-f", tag]);
    }
    await ok(["load"], { stdin: tarOf(ociArchive(bulkImage("kept"), "kept:1")) });
    await ok(["run", "-d", "--name", "keeper", "kept:1"]);
    for (const name of ["made", "by", "hand"]) await ok(["exec", "keeper", "/payload", "try", "create", `/${name}`]);
    const pulled = ["one", "other"].map((name) => `${registry.host}/${name}:1`);
    const names = [...pulled, "docker:1", "oci:1", "made:1", "made:2"];
    operations = [
      ...pulled.map((name) => ({ name: `pull ${name}`, args: ["pull", "-q", name] })),
      ...pulled.map((name) => ({ name: `pull plain ${name}`, args: ["pull", "-q", name], env: { WHERRY_KEEP_COMPRESSED: "0" } })),
      ...pulled.map((name) => ({
        name: `save ${name}`,
        args: ["save", "-o", `${host.directory}/saved.tar`, name],
        or: /No such image|not stored|missing or damaged/,
      })),
      { name: "load docker", args: ["load", "-q", "-i", `${host.directory}/docker.tar`] },
      { name: "load oci", args: ["load", "-q", "-i", `${host.directory}/oci.tar`] },
      { name: "load stream", args: ["load", "-q"], stdin: oci },
      { name: "load docker stream", args: ["load", "-q"], stdin: docker },
      { name: "commit", args: ["commit", "keeper", "made:1"], or: /is being committed|is not running|paused/i },
      { name: "commit --squash", args: ["commit", "--squash", "keeper", "made:2"], or: /is being committed|is not running|paused/i },
      { name: "run", args: ["run", "--rm", "kept:1", "exit"] },
      { name: "import", args: ["import", "--change", 'ENTRYPOINT ["/payload"]', `${host.directory}/docker.tar`] },
      ...names.map((name) => ({ name: `rmi ${name}`, args: ["rmi", "-f", name], or: /No such image/ })),
      { name: "image prune", args: ["image", "prune", "-f"] },
      { name: "image prune -a", args: ["image", "prune", "-af"] },
      { name: "image prune --compressed", args: ["image", "prune", "--compressed", "-f"] },
      { name: "system prune", args: ["system", "prune", "-f"] },
    ];
  }, 60_000);

  afterAll(async () => {
    if (test !== bunTest) return;
    await registry[Symbol.asyncDispose]();
    await host.dispose();
  }, 60_000);

  /** The next command collects the garbage; what a launcher that has lost its engine still does may take a moment. */
  async function isSound(what: string): Promise<void> {
    const faults = (): readonly string[] => findStoreFaults({ root: host.root, runRoot: host.runRoot });
    await ok(["image", "prune", "-f"]);
    await poll(
      "the store to be sound",
      async () => {
        if (faults().length === 0) return true;
        await ok(["image", "prune", "-f"]);
        return false;
      },
      { timeoutMs: 3_000, intervalMs: 100 },
    ).catch(() => undefined);
    expect({ after: what, faults: faults() }).toEqual({ after: what, faults: [] });
  }

  async function reads(what: string, random: () => number): Promise<void> {
    const found = digestOf((await host.wherry(["exec", "keeper", "/payload", "try", "read", "/bulk"], { env })).stdoutBytes);
    const wanted = digestOf(Buffer.from(`${bulkText}ok\n`));
    expect({ after: what, keeper: found }).toEqual({ after: what, keeper: wanted });
    for (const name of (await ok(["images", "--format", "{{.Repository}}:{{.Tag}}"])).split("\n")) {
      if (random() < 0.7 || name.includes("<none>")) continue;
      const { stdoutBytes, stderr } = await host.wherry(["run", "--rm", name, "try", "read", "/bulk"], { env });
      expect({ after: what, name, stderr, read: digestOf(stdoutBytes) }).toEqual({ after: what, name, stderr: "", read: wanted });
    }
  }

  test(
    `for ${seconds} seconds`,
    async () => {
      const random = seededRandom(seed);
      const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
      const usual = new Map<string, number>();
      for (const operation of operations) {
        const begin = performance.now();
        await start(operation).done;
        usual.set(operation.name, performance.now() - begin);
      }
      await isSound("all once");
      let rounds = 0;
      let killed = 0;
      for (const end = performance.now() + seconds * 1000; performance.now() < end; rounds++) {
        const chosen = Array.from({ length: pick([1, 1, 2, 2, 3]) }, () => {
          // What makes images is the larger half.
          const operation = pick(random() < 0.6 ? operations.filter(({ name }) => /^(pull|load|commit)/.test(name)) : operations);
          return {
            operation,
            how: pick(["tree", "tree", "engine", "not"] as const),
            afterMs: random() * 1.1 * (usual.get(operation.name) ?? 100),
          };
        });
        const what = chosen.map(({ operation, how, afterMs }) => `${operation.name} (${how}, ${afterMs.toFixed(1)} ms)`).join(" + ");
        if (process.env["WHERRY_KILL_TRACE"] !== undefined) console.log(`${rounds}: ${what}`);
        const ends = await Promise.all(
          chosen.map(async ({ operation, how, afterMs }) => {
            const program = start(operation);
            const timer = setTimeout(() => {
              if (how !== "not" && program.child.pid !== undefined) (how === "tree" ? killTree : killEngine)(program.child.pid);
            }, afterMs);
            const result = await program.done;
            clearTimeout(timer);
            return { operation, result };
          }),
        );
        for (const { operation, result } of ends) {
          if (result.signal === "SIGKILL") killed++;
          else
            expect({ after: what, name: operation.name, ...failureOf(operation, result) }).toEqual({ after: what, name: operation.name });
        }
        const repeated = pick(chosen).operation;
        const again = await start(repeated).done;
        expect({ after: what, repeated: repeated.name, ...failureOf(repeated, again) }).toEqual({ after: what, repeated: repeated.name });
        await isSound(what);
        await reads(what, random);
      }
      expect(killed).toBeGreaterThan(0);
      console.log(`${driver}: ${rounds} rounds, ${killed} commands killed, seed ${seed}`);
    },
    (seconds + 60) * 1000,
  );
});

function failureOf(operation: Operation, result: { readonly code: number | null; readonly stderr: string }): object {
  if (result.code === 0 || operation.or?.test(result.stderr) === true) return {};
  return { code: result.code, stderr: result.stderr };
}
