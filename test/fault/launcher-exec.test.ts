// The launcher dies, fails or hangs before each operation of an exec's plan; the container goes on.
// timeout: 300 s
import { afterAll, beforeAll, describe, expect } from "bun:test";
import type { ContainerId } from "../../src/core/brands.ts";
import { EngineError } from "../../src/core/engine-error.ts";
import { findTraces } from "../support/container-traces.ts";
import { attach, ContainerCycle, follow, killClient, signal } from "../support/container-cycle.ts";
import { useFaultHost, findProcesses, findStopped, type StepFault, stepEnvironment } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "fault-build", "overlayfs", "payload", "user-namespaces");
const host = useFaultHost("launcher-exec");
const cycle = new ContainerCycle(host);

describe("exec", () => {
  const entered: { id: ContainerId } = { id: "" as ContainerId };

  beforeAll(async () => {
    entered.id = await cycle.create({ image: "payload", command: ["sleep"] });
    await host.containers.start(entered.id);
  });
  afterAll(async () => {
    await host.containers.remove(entered.id, { force: true });
    await poll("the container is gone", () => findTraces(host.host, entered.id).length === 0);
  });

  const exec = async (tty: boolean): Promise<number | null> =>
    follow(await host.containers.exec(entered.id, { command: ["/payload", "exit"], tty, attach }));

  /** The container goes on as it was, and nothing of the session is left in it. */
  async function containerIsUntouched(): Promise<void> {
    const { pid, status, execIds } = await host.containers.inspect(entered.id);
    expect({ status, execIds }).toEqual({ status: "running", execIds: [] });
    await poll("only the container's own process", () => {
      const pids = host.host.cgroups.pids({ id: entered.id, options: "" });
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
