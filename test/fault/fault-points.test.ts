// Every fault point of the engine is reached by a command that dies there; afterwards the next command tells the truth.
// timeout: 300 s
import { afterEach, describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import type { ContainerId } from "../../src/core/brands.ts";
import { type FaultPoint, faultPoints } from "../../src/core/fault-point.ts";
import { findContainer, getContainer } from "../../src/state/container-table.ts";
import { findRunTraces, findTraces } from "../support/container-traces.ts";
import { useFaultHost, findProcesses } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "fault-build", "overlayfs", "payload");
const host = useFaultHost("fault-points");

/** One failure is not to be the next one's. */
afterEach(async () => {
  await host.wherry(["rm", "-f", "box"]);
});

/** What is true of the container `box` after a command has died; `gone`: there is none. */
type Truth = "created" | "running" | "paused" | "exited 0" | "exited 137" | "gone";

interface Scenario {
  /** Commands that succeed before. */
  readonly given?: readonly (readonly string[])[];
  /** The command that dies, or whose container's exit hook does. */
  readonly dies: readonly string[];
  /** The status that the row must have when the exit hook has died there. */
  readonly hook?: "running" | "ending" | "exited" | "removing" | "gone";
  readonly truth: Truth;
}

const box = ["--name", "box", "payload"];
const create = ["create", ...box, "exit"];
const run = ["run", ...box, "exit"];
const runRemoved = ["run", "--rm", ...box, "exit"];
const runDetached = ["run", "-d", ...box, "sleep"];
const runShort = ["run", "-d", ...box, "exit"];
const runDetachedRemoved = ["run", "-d", "--rm", ...box, "sleep"];

/** While a container is made and started. */
const makings: readonly Scenario[] = [
  { dies: run, truth: "created" },
  { dies: runDetached, truth: "created" },
  { dies: runRemoved, truth: "gone" },
];
/** When its process runs already. */
const beginnings: readonly Scenario[] = [
  { dies: runDetached, truth: "running" },
  { dies: run, truth: "exited 0" },
  { dies: runShort, truth: "exited 0" },
  { dies: runRemoved, truth: "gone" },
  { given: [create], dies: ["start", "box"], truth: "exited 0" },
];
/** Of a container that has ended. */
const endings = (hook: NonNullable<Scenario["hook"]>): readonly Scenario[] => [
  { dies: run, truth: "exited 0" },
  { given: [create], dies: ["start", "-a", "box"], truth: "exited 0" },
  { dies: runDetached, hook, truth: "exited 137" },
];
const removals: readonly Scenario[] = [
  { given: [create], dies: ["rm", "box"], truth: "gone" },
  { given: [run], dies: ["rm", "-f", "box"], truth: "gone" },
  { dies: runRemoved, truth: "gone" },
];

const containerScenarios: Readonly<Partial<Record<FaultPoint, readonly Scenario[]>>> = {
  "container-row-stored": [{ dies: create, truth: "created" }, ...makings],
  "container-directory-made": [{ dies: create, truth: "created" }, ...makings],
  "container-directories-made": [{ dies: create, truth: "created" }, ...makings],
  "run-directory-made": [{ given: [create], dies: ["start", "box"], truth: "created" }, ...makings],
  "managed-files-written": [{ given: [create], dies: ["start", "-a", "box"], truth: "created" }, ...makings],
  "process-started": beginnings,
  "start-recorded": beginnings,
  "end-seen": [...endings("running"), { dies: runRemoved, truth: "gone" }],
  "end-recorded": [
    ...endings("ending"),
    { dies: runRemoved, truth: "gone" },
    { dies: runDetachedRemoved, hook: "removing", truth: "gone" },
  ],
  "cgroups-removed": [...endings("ending"), ...removals],
  "run-directory-removed": [...endings("ending"), ...removals],
  "end-completed": endings("exited"),
  "removal-claimed": removals,
  "files-removed": [...removals, { dies: runDetachedRemoved, hook: "removing", truth: "gone" }],
  "row-deleted": [...removals, { dies: runDetachedRemoved, hook: "gone", truth: "gone" }],
  "signal-sent": [
    { given: [runDetached], dies: ["stop", "box"], truth: "running" },
    { given: [runDetached], dies: ["kill", "box"], truth: "exited 137" },
    { given: [runDetached], dies: ["rm", "-f", "box"], truth: "exited 137" },
    { given: [runDetached, ["pause", "box"]], dies: ["kill", "box"], truth: "exited 137" },
  ],
  "exec-directory-made": [{ given: [runDetached], dies: ["exec", "box", "/payload", "exit"], truth: "running" }],
  "pause-recorded": [{ given: [runDetached], dies: ["pause", "box"], truth: "paused" }],
  frozen: [{ given: [runDetached], dies: ["pause", "box"], truth: "paused" }],
  "unpause-recorded": [{ given: [runDetached, ["pause", "box"]], dies: ["unpause", "box"], truth: "running" }],
  "held-still": [{ given: [runDetached], dies: ["commit", "box", "of-box"], truth: "running" }],
  "stopped-claimed": [
    { given: [create], dies: ["cp", "/etc/passwd", "box:/"], truth: "created" },
    { given: [run], dies: ["export", "-o", "/dev/null", "box"], truth: "exited 0" },
  ],
  "stopped-mounted": [
    { given: [create], dies: ["cp", "box:/payload", "-"], truth: "created" },
    { given: [run], dies: ["cp", "/etc/passwd", "box:/"], truth: "exited 0" },
  ],
  "copy-begins": [
    { given: [runDetached], dies: ["cp", "/etc/passwd", "box:/"], truth: "running" },
    { given: [create], dies: ["cp", "/etc/passwd", "box:/"], truth: "created" },
  ],
};

/** Of the process that comes to clear up after another that has died at a point. */
const recoveries: readonly (Omit<Scenario, "dies"> & { readonly after: FaultPoint; readonly first: readonly string[] })[] = [
  { after: "run-directory-made", first: runDetached, truth: "created" },
  { after: "process-started", first: runDetached, truth: "running" },
  { after: "end-recorded", first: runDetached, hook: "ending", truth: "exited 137" },
  { after: "files-removed", first: ["rm", "box"], given: [create], truth: "gone" },
  { after: "held-still", first: ["commit", "box", "of-box"], given: [runDetached], truth: "running" },
];

const imagePoints = [
  "image-received",
  "layer-unpacked",
  "layer-stored",
  "image-layer-added",
  "image-blob-stored",
  "image-blobs-published",
  "image-recorded",
  "image-row-deleted",
  "garbage-detached",
] as const satisfies readonly FaultPoint[];

/** What others go through: volume-fault-points.test.ts, pull.test.ts, store-remains.test.ts, bundle-fault-points.test.ts. */
const elsewhere = faultPoints.filter((point) => /^(volume|pull|blobs|bundle)-/.test(point));

test("every fault point has a scenario", () => {
  expect([...Object.keys(containerScenarios), ...imagePoints, ...elsewhere, "taken-over"].sort()).toEqual([...faultPoints].sort());
});

/** Runs a command that must be killed at that point. */
async function diesAt(point: FaultPoint, args: readonly string[]): Promise<void> {
  const { signal, stderr } = await host.wherry(args, { env: { WHERRY_FAULT_POINT: point } });
  expect({ signal, stderr }).toEqual({ signal: "SIGKILL", stderr: "" });
}

function rowOf(reference: string): { readonly id: ContainerId; readonly status: string; readonly options: string } | undefined {
  try {
    return findContainer(host.host.store, reference);
  } catch {
    return undefined;
  }
}

/** Runs a command whose container's exit hook must be killed at that point, when the container has been; that leaves the row as given. */
async function hookDiesAt(point: FaultPoint, args: readonly string[], status: Scenario["hook"]): Promise<void> {
  const id = (await host.ok(args, { env: { WHERRY_FAULT_HOOK: point } })) as ContainerId;
  const { pid } = await host.containers.inspect(id);
  process.kill(pid, "SIGKILL");
  await poll("the monitor is gone, and its hook", () => findProcesses(id).length === 0);
  expect(getContainer(host.host.store, id)?.status ?? "gone").toBe(status ?? "gone");
}

/** The truth as a command tells it, twice the same; and that what it tells is so. */
async function expectTruth(truth: Truth): Promise<void> {
  const row = rowOf("box");
  const tell = async (): Promise<string> => {
    const [found] = await host.containers.list({ all: true });
    if (found === undefined) return "gone";
    return found.exitCode === null || found.status !== "exited" ? found.status : `${found.status} ${found.exitCode}`;
  };
  // What a dead command has set going (a signal, an exit hook) may take a moment.
  await poll(`it to be ${truth}`, async () => (await tell()) === truth).catch(() => undefined);
  expect(await tell()).toBe(truth);
  if (row === undefined) return;
  if (truth === "gone") {
    await poll("no trace", () => findTraces(host.host, row.id).length === 0).catch(() => undefined);
    expect(findTraces(host.host, row.id)).toEqual([]);
  } else if (truth === "running" || truth === "paused") {
    const { pid, execIds } = await host.containers.inspect("box");
    expect({ pids: host.host.cgroups.pids(row), execIds }).toEqual({ pids: [pid], execIds: [] });
  } else {
    await poll("no trace of a run", () => findRunTraces(host.host, row.id).length === 0).catch(() => undefined);
    expect(findRunTraces(host.host, row.id)).toEqual([]);
  }
}

/** It can be used as if nothing had been, and removed without a trace. */
async function worksAndGoes(truth: Truth): Promise<void> {
  if (truth === "gone") {
    expect(await host.wherry(runRemoved)).toMatchObject({ code: 0, stderr: "" });
    return;
  }
  const { id } = await host.containers.inspect("box");
  if (truth === "paused") await host.ok(["unpause", "box"]);
  if (truth === "running" || truth === "paused") await host.ok(["exec", "box", "/payload", "exit"], { timeoutMs: 20_000 });
  else await host.ok(["start", "box"]);
  await host.ok(["rm", "-f", "box"]);
  await poll("no trace", () => findTraces(host.host, id).length === 0).catch(() => undefined);
  expect(findTraces(host.host, id)).toEqual([]);
}

for (const [point, scenarios] of Object.entries(containerScenarios) as [FaultPoint, readonly Scenario[]][]) {
  describe(point, () => {
    for (const scenario of scenarios) {
      const { dies, given = [], hook, truth } = scenario;
      const what = [...given.map(([verb]) => verb), dies.filter((word) => word !== "payload").join(" ")].join(", ");
      test(`${what}${hook === undefined ? "" : ", whose exit hook dies"}: ${truth}`, async () => {
        for (const args of given) await host.ok(args);
        if (hook === undefined) await diesAt(point, dies);
        else await hookDiesAt(point, dies, hook);
        await expectTruth(truth);
        await worksAndGoes(truth);
      });
    }
  });
}

describe("taken-over", () => {
  test.each(recoveries.map((recovery) => [recovery.after, recovery] as const))("from one that died at %s", async (after, recovery) => {
    for (const args of recovery.given ?? []) await host.ok(args);
    if (recovery.hook === undefined) await diesAt(after, recovery.first);
    else await hookDiesAt(after, recovery.first, recovery.hook);
    await diesAt("taken-over", ["ps", "-a"]);
    await expectTruth(recovery.truth);
    await worksAndGoes(recovery.truth);
  });
});

describe("images", () => {
  const stored = (): Readonly<Record<string, number>> =>
    Object.fromEntries(
      ["content/sha256", "content/ingest", "layers/sha256", "layers/ingest"].map((name) => {
        const path = `${host.root}/${name}`;
        return [name, existsSync(path) ? readdirSync(path).length : 0];
      }),
    );
  const archive = (): string => `${host.directory}/payload.tar`;
  /** Another configuration of the same layer. */
  const importAs = (name: string): string[] => ["import", "--change", "ENV OTHER=1", archive(), name];
  const images = async (): Promise<string> => host.ok(["images", "--format", "{{.Repository}}"]);

  test.each([
    ["image-received", false],
    ["image-blob-stored", false],
    ["image-blobs-published", false],
    ["image-recorded", true],
  ] as const)("import dies at %s", async (point, there) => {
    const before = stored();
    await diesAt(point, importAs("other"));
    expect((await images()).split("\n").sort()).toEqual(there ? ["other", "payload"] : ["payload"]);
    if (!there) await host.ok(importAs("other"));
    expect(await host.wherry(["run", "--rm", "--entrypoint", "/payload", "other", "exit", "3"])).toMatchObject({ code: 3 });
    await host.ok(["rmi", "-f", "other"]);
    expect(stored()).toEqual(before);
  });

  test.each([
    ["layer-unpacked", false],
    ["layer-stored", false],
    ["image-layer-added", false],
    ["image-blob-stored", false],
    ["image-blobs-published", false],
    ["image-recorded", true],
  ] as const)("commit dies at %s", async (point, there) => {
    const before = stored();
    await host.ok(["run", ...box, "try", "create", "/made"]);
    await diesAt(point, ["commit", "box", "made"]);
    expect((await images()).split("\n")).toHaveLength(there ? 2 : 1);
    if (!there) await host.ok(["commit", "box", "made"]);
    expect(await host.wherry(["run", "--rm", "made", "exit", "3"])).toMatchObject({ code: 3 });
    await host.ok(["rm", "box"]);
    await host.ok(["rmi", "made"]);
    expect(stored()).toEqual(before);
  });

  test.each(["image-row-deleted", "garbage-detached"] as const)("rmi dies at %s", async (point) => {
    await host.ok(["run", ...box, "try", "create", "/made"]);
    const before = stored();
    await host.ok(["commit", "box", "made"]);
    await host.ok(["rm", "box"]);
    await diesAt(point, ["rmi", "made"]);
    expect(await images()).toBe("payload");
    expect(await host.wherry(["rmi", "made"])).toMatchObject({ code: 1 });
    await host.ok(importAs("other"));
    await host.ok(["rmi", "other"]);
    expect(stored()).toEqual(before);
  });
});
