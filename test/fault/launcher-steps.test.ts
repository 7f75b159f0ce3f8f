// The launcher dies or fails before each operation of a plan; afterwards the next command tells the truth and cleans up.
// timeout: 300 s
import { describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { EngineError } from "../../src/core/engine-error.ts";
import { ContainerCycle, plans, stepsOf } from "../support/container-cycle.ts";
import { useFaultHost, type StepFault } from "../support/fault-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "fault-build", "overlayfs", "payload", "user-namespaces");
const host = useFaultHost("launcher-steps");
const cycle = new ContainerCycle(host);

async function refuses(fault: StepFault, action: () => Promise<unknown>): Promise<void> {
  const failure: unknown = await host.suffering(fault, action).then(
    () => "no failure",
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(EngineError);
  if (failure instanceof EngineError) expect(["LAUNCH_FAILED", "LAUNCHER_UNAVAILABLE"]).toContain(failure.code);
}

/** Open descriptors of this process. */
const descriptors = (): number => readdirSync("/proc/self/fd").length;

describe.each(["kill", "exit"] as const)("the launcher's %s", (action) => {
  test.each(Object.keys(plans))(
    "before each operation of %s",
    async (kind) => {
      const options = plans[kind] ?? { image: "payload" };
      const count = await cycle.countSteps(options);
      expect(count).toBeGreaterThan(100);
      const open = descriptors();
      for (const step of stepsOf(count)) {
        const fault: StepFault = { step, action };
        const id = await cycle.create(options);
        try {
          if (step === count - 1) {
            // The process runs already; its monitor does not come to be.
            expect(await host.suffering(fault, () => cycle.start(id))).toBe(255);
            expect(await host.containers.inspect(id)).toMatchObject({ status: "exited", exitCode: 255 });
          } else {
            await refuses(fault, () => cycle.start(id));
            expect(await host.containers.inspect(id)).toMatchObject({ status: "created", pid: 0, exitCode: 128 });
          }
          await cycle.runIsOver(id);
          await cycle.startsAndGoes(id);
        } catch (cause) {
          throw new Error(`${action} before step ${step} of ${kind}: ${String(cause)}`, { cause });
        }
      }
      await poll("descriptors are closed", () => descriptors() <= open + 2);
    },
    120_000,
  );
});
