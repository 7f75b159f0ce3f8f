// The launcher dies, fails or hangs before each operation of a plan; afterwards the next command tells the truth and cleans up.
// timeout: 300 s
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import type { ContainerId } from "../../src/core/brands.ts";
import { EngineError } from "../../src/core/engine-error.ts";
import type { ProcessStreams } from "../../src/kernel/process-streams.ts";
import type { ExplainedPlan } from "../../src/plan/explained-plan.ts";
import type { ContainerOptions } from "../../src/spec/container-options.ts";
import { findRunTraces, findTraces } from "../support/container-traces.ts";
import { FaultHost, findProcesses, findStopped, stepEnvironment, type StepFault } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import type { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "fault-build", "overlayfs", "payload", "user-namespaces");
const host = new FaultHost("launcher-steps");
const attach = { stdin: false, stdout: true, stderr: true };

const kinds: Readonly<Record<string, ContainerOptions>> = {
  "a run": { image: "payload", command: ["exit"] },
  "a run with terminal, init and user namespace": {
    image: "payload",
    command: ["exit"],
    tty: true,
    init: true,
    namespaces: { user: "auto" },
    mounts: [{ type: "tmpfs", target: "/scratch" }],
    resources: { pidsLimit: 50 },
  },
};

beforeAll(async () => {
  await host.importPayload();
}, 60_000);
afterAll(async () => {
  await host.dispose();
}, 60_000);

async function create(options: ContainerOptions): Promise<ContainerId> {
  return (await host.containers.create(options)).id;
}

async function finish(streams: ProcessStreams | undefined): Promise<number | null> {
  streams?.onOutput(() => undefined);
  return (await streams?.exited) ?? null;
}

/** Starts it and follows it to its end. */
async function start(id: ContainerId): Promise<number | null> {
  return finish((await host.containers.start(id, { attach })).streams);
}

/** How many operations a start of such a container has. */
async function countSteps(options: ContainerOptions): Promise<number> {
  const id = await create(options);
  let count = 0;
  const onPlan = (plan: ExplainedPlan): void => {
    count = plan.steps.length;
  };
  expect(await finish((await host.containers.start(id, { attach, onPlan })).streams)).toBe(0);
  await host.containers.remove(id);
  return count;
}

const stepsOf = (count: number): readonly number[] => Array.from({ length: count }, (_, step) => step);

/** A monitor that has been told that all is done is gone soon, not at once. */
async function runIsOver(id: ContainerId): Promise<void> {
  await poll("no trace of the run", () => findRunTraces(host.host, id).length === 0, { intervalMs: 1 }).catch(() => {
    expect(findRunTraces(host.host, id)).toEqual([]);
  });
}

/** Nothing of a run is left, the container starts again as if nothing had been, and goes without a trace. */
async function startsAndGoes(id: ContainerId): Promise<void> {
  expect(await start(id)).toBe(0);
  expect(await host.containers.inspect(id)).toMatchObject({ status: "exited", exitCode: 0, error: "" });
  await runIsOver(id);
  await host.containers.remove(id, { force: true });
  await poll(`${id} is gone`, () => findTraces(host.host, id).length === 0, { intervalMs: 1 });
}

async function refuses(fault: StepFault, action: () => Promise<unknown>): Promise<void> {
  const failure: unknown = await host.suffering(fault, action).then(
    () => "no failure",
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(EngineError);
  if (failure instanceof EngineError) expect(["LAUNCH_FAILED", "LAUNCHER_UNAVAILABLE"]).toContain(failure.code);
}

function describeFault({ step, action }: StepFault): string {
  return `${action} before step ${step}`;
}

/** Runs `job` for each of `items`, four at a time: for jobs that wait for processes. */
async function fourAtATime<Item>(items: readonly Item[], job: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await job(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

/** A client of its own whose launcher stands still before that operation. */
async function startAndStop(id: ContainerId, step: number, args: readonly string[]): Promise<Stopped> {
  const client = host.start(args, { env: stepEnvironment({ step, action: "stop" }) });
  const pids = await poll("a launcher that stands still", () => {
    const found = findStopped(id);
    if (found.length === 0 && client.child.exitCode !== null) throw new Error(`the client has ended: ${client.stderr}`);
    return found.length > 0 && found;
  });
  const [pid = 0] = pids;
  expect(pids).toEqual([pid]);
  return { pid, client };
}

interface Stopped {
  readonly pid: number;
  readonly client: RunningProgram;
}

async function killClient({ client }: Stopped): Promise<void> {
  client.child.kill("SIGKILL");
  await client.done;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // The launcher's end may have taken it along.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Open descriptors of this process. */
const descriptors = (): number => readdirSync("/proc/self/fd").length;

describe.each(["kill", "exit"] as const)("the launcher's %s", (action) => {
  test.each(Object.keys(kinds))(
    "before each operation of %s",
    async (kind) => {
      const options = kinds[kind] ?? { image: "payload" };
      const count = await countSteps(options);
      expect(count).toBeGreaterThan(100);
      const open = descriptors();
      for (const step of stepsOf(count)) {
        const fault: StepFault = { step, action };
        const id = await create(options);
        try {
          if (step === count - 1) {
            // The process runs already; its monitor does not come to be.
            expect(await host.suffering(fault, () => start(id))).toBe(255);
            expect(await host.containers.inspect(id)).toMatchObject({ status: "exited", exitCode: 255 });
          } else {
            await refuses(fault, () => start(id));
            expect(await host.containers.inspect(id)).toMatchObject({ status: "created", pid: 0, exitCode: 128 });
          }
          await runIsOver(id);
          await startsAndGoes(id);
        } catch (cause) {
          throw new Error(`${describeFault(fault)} of ${kind}: ${String(cause)}`, { cause });
        }
      }
      await poll("descriptors are closed", () => descriptors() <= open + 2);
    },
    120_000,
  );
});

describe("a launcher that stands still, and whose client is killed", () => {
  test.each(Object.keys(kinds))(
    "before each operation of %s",
    async (kind) => {
      const options = kinds[kind] ?? { image: "payload" };
      const count = await countSteps(options);
      await fourAtATime(stepsOf(count - 1), async (step) => {
        const id = await create(options);
        const stopped = await startAndStop(id, step, ["start", "-a", id]);
        try {
          expect(await host.containers.inspect(id)).toMatchObject({ status: "created", pid: 0 });
          await killClient(stopped);
          // Either it goes on, and gives up by itself, or the next command finds it there.
          if (step % 2 === 0) {
            signal(stopped.pid, "SIGCONT");
            await poll("the launcher gives up", () => findProcesses("plan", id).length === 0);
          }
          expect(await host.containers.inspect(id)).toMatchObject({ status: "created", pid: 0, exitCode: null });
          await runIsOver(id);
          await startsAndGoes(id);
        } catch (cause) {
          throw new Error(`stop before step ${step} of ${kind}: ${String(cause)}`, { cause });
        }
      });
    },
    120_000,
  );

  test("and is not, but somebody removes the container by force", async () => {
    const id = await create({ image: "payload", command: ["exit"] });
    const stopped = await startAndStop(id, 60, ["start", "-a", id]);
    await host.ok(["rm", "-f", id]);
    expect((await stopped.client.done).code).not.toBe(0);
    await poll("no trace", () => findTraces(host.host, id).length === 0);
  }, 60_000);

  test("as the monitor of a process that runs", async () => {
    const count = await countSteps({ image: "payload", command: ["exit"] });
    const id = await create({ image: "payload", command: ["exit"] });
    const stopped = await startAndStop(id, count - 1, ["start", "-a", id]);
    await killClient(stopped);
    signal(stopped.pid, "SIGCONT");
    expect(await host.containers.wait(id)).toBe(0);
    await runIsOver(id);
    const again = await startAndStop(id, count - 1, ["start", "-a", id]);
    await killClient(again);
    // It never tells how the process ended; whoever asks does not wait for ever.
    expect(await host.containers.inspect(id)).toMatchObject({
      status: "exited",
      exitCode: 255,
      error: "ended with an unknown status: its monitor did not record the end",
    });
    await runIsOver(id);
    await startsAndGoes(id);
  }, 60_000);
});

describe("exec", () => {
  const entered: { id: ContainerId } = { id: "" as ContainerId };

  beforeAll(async () => {
    entered.id = await create({ image: "payload", command: ["sleep"] });
    await host.containers.start(entered.id);
  });
  afterAll(async () => {
    await host.containers.remove(entered.id, { force: true });
    await poll("the container is gone", () => findTraces(host.host, entered.id).length === 0);
  });

  const exec = async (tty: boolean): Promise<number | null> =>
    finish(await host.containers.exec(entered.id, { command: ["/payload", "exit"], tty, attach }));

  /** The container goes on as it was, and nothing of the session is left in it. */
  async function containerIsUntouched(): Promise<void> {
    const { pid, status, execIds } = await host.containers.inspect(entered.id);
    expect({ status, execIds }).toEqual({ status: "running", execIds: [] });
    await poll("only the container's own process", () => {
      const pids = host.host.cgroups.pids(entered.id);
      return pids.length === 1 && pids[0] === pid;
    });
    await poll("only its own monitor and process", () => findProcesses("plan", entered.id).length === 1, { intervalMs: 1 });
    expect(await exec(false)).toBe(0);
  }

  test.each([
    ["kill", false],
    ["kill", true],
    ["exit", false],
    ["exit", true],
  ] as const)(
    "%s before each operation, with terminal: %p",
    async (action, tty) => {
      for (let step = 0, over = false; !over; step++) {
        const fault: StepFault = { step, action };
        let code: number | null = -1;
        const refused = await host.suffering(fault, async () => {
          try {
            code = await exec(tty);
            return false;
          } catch (error) {
            if (!(error instanceof EngineError)) throw error;
            return error.code === "LAUNCH_FAILED" || error.code === "LAUNCHER_UNAVAILABLE";
          }
        });
        // The last operation is the monitor: the process has been told to run. Beyond it, nothing happens.
        if (!refused && code !== 255) {
          expect(code).toBe(0);
          expect(step).toBeGreaterThan(20);
          over = true;
        }
        await containerIsUntouched();
      }
    },
    60_000,
  );

  test("stopped before each operation, and its client is killed", async () => {
    for (let step = 0; ; step++) {
      const client = host.start(["exec", entered.id, "/payload", "exit"], { env: stepEnvironment({ step, action: "stop" }) });
      const pids = await poll("a launcher that stands still, or the end", () => {
        const found = findStopped(entered.id);
        return found.length > 0 ? found : client.child.exitCode !== null && found;
      });
      const [pid] = pids;
      if (pid === undefined) {
        expect(step).toBeGreaterThan(20);
        break;
      }
      await killClient({ pid, client });
      signal(pid, step % 2 === 0 ? "SIGCONT" : "SIGKILL");
      await containerIsUntouched();
    }
  }, 60_000);
});
