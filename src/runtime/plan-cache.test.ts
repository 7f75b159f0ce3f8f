import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import { newContainerId } from "../core/ids.ts";
import { compilePlan } from "../plan/compile.ts";
import { encodePlan } from "../plan/encode.ts";
import type { PlanInput } from "../plan/plan-input.ts";
import { SAMPLE_FEATURES, samplePlanInputs } from "../plan/testdata/plan-inputs.ts";
import { atNoTime, PlanCache } from "./plan-cache.ts";

let directory: HostPath;
beforeEach(() => {
  directory = `${mkdtempSync(`${tmpdir()}/wherry-plans-`)}/plans` as HostPath;
});
afterEach(() => rmSync(directory.replace(/\/plans$/, ""), { recursive: true }));

/** What a container of that id is started with, so many seconds after the host's boot. */
function inputsOf(id: string, seconds: number): Readonly<Record<string, PlanInput>> {
  const inputs = samplePlanInputs({
    lowers: ["/layers/top", "/layers/base"],
    directory: `/containers/${id}`,
    bundle: "/bundle",
    cgroups: {
      placements: [
        {
          directory: `/sys/fs/cgroup/wherry/${id}` as HostPath,
          version: 2,
          writes: [{ file: "pids.max", value: "100" }],
          monitorDirectory: "/sys/fs/cgroup/wherry/monitors" as HostPath,
        },
      ],
      deviceProgram: Uint8Array.from({ length: 300 }, (_, index) => index),
    },
    features: SAMPLE_FEATURES,
    target: { pid: 4242, startTime: 1000n },
    command: ["sh", "-c", `echo ${id.slice(0, 12)}`],
    idBase: 100_000,
  });
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => {
      const timeOffsets = { monotonic: { secs: -seconds, nanosecs: 0 }, boottime: { secs: -seconds - 3, nanosecs: 0 } };
      const hostname = input.config.hostname === "wherry" ? id.slice(0, 12) : "";
      return [name, { ...input, config: { ...input.config, hostname, linux: { ...input.config.linux, timeOffsets } } }];
    }),
  );
}

const compiled = (input: PlanInput): Uint8Array => encodePlan(compilePlan(input));

/** As a start does. */
function planOf(input: PlanInput, ...ids: readonly string[]): { readonly plan: Uint8Array; readonly remembered: boolean } | null {
  const entry = new PlanCache(directory).entry(input, ids);
  if (entry === null) return null;
  const found = entry.read();
  return { plan: found ?? entry.write(compiled(atNoTime(input))), remembered: found !== null };
}

const first = newContainerId();
const later = newContainerId();
const samples = Object.entries(inputsOf(first, 12_345));

describe("PlanCache", () => {
  test.each(samples.map(([name]) => name))("%s: a remembered plan is the one that would be compiled, for another id and moment", (name) => {
    const [before, after] = [inputsOf(first, 12_345)[name], inputsOf(later, 98_760)[name]];
    if (before === undefined || after === undefined) throw new Error("no such sample");
    expect(planOf(before, first)).toEqual({ plan: Buffer.from(compiled(before)), remembered: false });
    expect(planOf(after, later)).toEqual({ plan: Buffer.from(compiled(after)), remembered: true });
  });

  test("an exec session's id is replaced as well", () => {
    const session = (input: PlanInput | undefined, id: string): PlanInput => {
      if (input === undefined || input.monitor === null) throw new Error("no such sample");
      return { ...input, monitor: { ...input.monitor, runDirectory: `${input.monitor.runDirectory}/exec/${id}` as HostPath } };
    };
    const [one, two] = [newContainerId(), newContainerId()];
    const [before, after] = [session(inputsOf(first, 12_345)["exec"], one), session(inputsOf(first, 12_399)["exec"], two)];
    expect(planOf(before, first, one)).toEqual({ plan: Buffer.from(compiled(before)), remembered: false });
    expect(planOf(after, first, two)).toEqual({ plan: Buffer.from(compiled(after)), remembered: true });
    // Into another process.
    const other = { ...after, execInto: { pid: 4242, startTime: 1001n } };
    expect(planOf(other, first, two)).toEqual({ plan: Buffer.from(compiled(other)), remembered: false });
  });

  test("tells inputs apart that differ in anything else", () => {
    const input = inputsOf(first, 12_345)["default"];
    if (input === undefined) throw new Error("no such sample");
    planOf(input, first);
    const { process } = input.config;
    if (process === undefined) throw new Error("the sample changed");
    const others: readonly PlanInput[] = [
      { ...input, config: { ...input.config, process: { ...process, env: [...(process.env ?? []), "A=B"] } } },
      { ...input, features: { ...input.features, capabilities: input.features.capabilities - 1n } },
      { ...input, seccompProgram: { program: new Uint8Array(8), flags: 0 } },
      { ...input, cgroups: input.cgroups === null ? null : { ...input.cgroups, deviceProgram: new Uint8Array(300) } },
      { ...input, terminal: { rows: 25, columns: 80 } },
      { ...input, fileMounts: [] },
    ];
    for (const other of others) expect(planOf(other, first)).toEqual({ plan: Buffer.from(compiled(other)), remembered: false });
    expect(planOf(input, first)?.remembered).toBe(true);
  });

  test("tells moments apart whose seconds have another number of digits", () => {
    const [now, soon] = [inputsOf(first, 9_996)["default"], inputsOf(first, 9_997)["default"]];
    if (now === undefined || soon === undefined) throw new Error("no such sample");
    planOf(now, first);
    // 9,997 and 3 have five digits together.
    expect(planOf(soon, first)).toEqual({ plan: Buffer.from(compiled(soon)), remembered: false });
  });

  test("leaves an input alone that is large", () => {
    const input = inputsOf(first, 12_345)["default"];
    if (input?.config.process === undefined) throw new Error("no such sample");
    const process = { ...input.config.process, env: [`A=${"x".repeat(70_000)}`] };
    expect(planOf({ ...input, config: { ...input.config, process } }, first)).toBeNull();
  });

  test("leaves an input alone that has a placeholder in it", () => {
    const input = inputsOf(first, 12_345)["default"];
    if (input?.config.process === undefined) throw new Error("no such sample");
    for (const word of ["<id of the >", "<id of the 1", "monotonic -77777 0"]) {
      const args = ["echo", word];
      expect(planOf({ ...input, config: { ...input.config, process: { ...input.config.process, args } } }, first)).toBeNull();
    }
  });

  test("believes no file that is damaged, or that somebody else could have written", () => {
    const input = inputsOf(first, 12_345)["default"];
    if (input === undefined) throw new Error("no such sample");
    planOf(input, first);
    const file = `${directory}/${readdirSync(directory)[0] ?? ""}`;
    const whole = readFileSync(file);
    for (const damaged of [whole.subarray(0, 2), whole.subarray(0, 200), Buffer.alloc(whole.length), Buffer.alloc(0)]) {
      writeFileSync(file, damaged);
      expect(new PlanCache(directory).entry(input, [first])?.read()).toBeNull();
    }
    writeFileSync(file, whole);
    chmodSync(file, 0o666);
    expect(new PlanCache(directory).entry(input, [first])?.read()).toBeNull();
    chmodSync(file, 0o600);
    expect(planOf(input, first)?.remembered).toBe(true);
  });

  test("begins anew when it is full", () => {
    const input = inputsOf(first, 12_345)["default"];
    if (input === undefined) throw new Error("no such sample");
    for (let rows = 1; rows <= 65; rows++) planOf({ ...input, terminal: { rows, columns: 80 } }, first);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  test("that can't be written is no error", () => {
    writeFileSync(directory, "");
    const input = inputsOf(first, 12_345)["default"];
    if (input === undefined) throw new Error("no such sample");
    expect(planOf(input, first)).toEqual({ plan: Buffer.from(compiled(input)), remembered: false });
  });
});
