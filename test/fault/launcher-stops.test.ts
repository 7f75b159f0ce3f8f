// The launcher hangs before each operation of a plan, and its client is killed.
// timeout: 300 s
import { describe, expect } from "bun:test";
import { findTraces } from "../support/container-traces.ts";
import { ContainerCycle, killClient, plans, signal, stepsOf } from "../support/container-cycle.ts";
import { useFaultHost, findProcesses } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "fault-build", "overlayfs", "payload", "user-namespaces");
const host = useFaultHost("launcher-stops");
const cycle = new ContainerCycle(host);

/** Runs `job` for each of `items`, four at a time: for jobs that wait for processes. */
async function fourAtATime<Item>(items: readonly Item[], job: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await job(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

describe("a launcher that stands still, and whose client is killed", () => {
  test.each(Object.keys(plans))(
    "before each operation of %s",
    async (kind) => {
      const options = plans[kind] ?? { image: "payload" };
      const count = await cycle.countSteps(options);
      await fourAtATime(stepsOf(count - 1), async (step) => {
        const id = await cycle.create(options);
        const stopped = await cycle.startAndStop(id, step);
        try {
          expect(await host.containers.inspect(id)).toMatchObject({ status: "created", pid: 0 });
          await killClient(stopped);
          // Either it goes on, and gives up by itself, or the next command finds it there.
          if (step % 2 === 0) {
            signal(stopped.pid, "SIGCONT");
            await poll("the launcher gives up", () => findProcesses("plan", id).length === 0);
          }
          expect(await host.containers.inspect(id)).toMatchObject({ status: "created", pid: 0, exitCode: null });
          await cycle.runIsOver(id);
          await cycle.startsAndGoes(id);
        } catch (cause) {
          throw new Error(`stop before step ${step} of ${kind}: ${String(cause)}`, { cause });
        }
      });
    },
    120_000,
  );

  test("and is not, but somebody removes the container by force", async () => {
    const id = await cycle.create({ image: "payload", command: ["exit"] });
    const stopped = await cycle.startAndStop(id, 60);
    await host.ok(["rm", "-f", id]);
    expect((await stopped.client.done).code).not.toBe(0);
    await poll("no trace", () => findTraces(host.host, id).length === 0);
  }, 60_000);

  test("as the monitor of a process that runs", async () => {
    const count = await cycle.countSteps({ image: "payload", command: ["exit"] });
    const id = await cycle.create({ image: "payload", command: ["exit"] });
    const stopped = await cycle.startAndStop(id, count - 1);
    await killClient(stopped);
    signal(stopped.pid, "SIGCONT");
    expect(await host.containers.wait(id)).toBe(0);
    await cycle.runIsOver(id);
    const again = await cycle.startAndStop(id, count - 1);
    await killClient(again);
    // It never tells how the process ended; whoever asks does not wait for ever.
    expect(await host.containers.inspect(id)).toMatchObject({
      status: "exited",
      exitCode: 255,
      error: "ended with an unknown status: its monitor did not record the end",
    });
    await cycle.runIsOver(id);
    await cycle.startsAndGoes(id);
  }, 60_000);
});
