import { expect } from "bun:test";
import type { ContainerId } from "../../src/core/brands.ts";
import type { ProcessStreams } from "../../src/kernel/process-streams.ts";
import type { ExplainedPlan } from "../../src/plan/explained-plan.ts";
import type { ContainerOptions } from "../../src/spec/container-options.ts";
import { findRunTraces, findTraces } from "./container-traces.ts";
import { type FaultHost, findStopped, stepEnvironment } from "./fault-host.ts";
import { poll } from "./poll.ts";
import type { RunningProgram } from "./wherry-process.ts";

/** Containers whose plans have all kinds of operations between them. */
export const plans: Readonly<Record<string, ContainerOptions>> = {
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

/** A launcher that stands still, and the command that has started it. */
export interface Stopped {
  readonly pid: number;
  readonly client: RunningProgram;
}

/** What the tests of single operations do with a container, mostly through the engine in this process. */
export class ContainerCycle {
  readonly host: FaultHost;

  constructor(host: FaultHost) {
    this.host = host;
  }

  async create(options: ContainerOptions): Promise<ContainerId> {
    return (await this.host.containers.create(options)).id;
  }

  /** Starts it and follows it to its end. */
  async start(id: ContainerId): Promise<number | null> {
    return follow((await this.host.containers.start(id, { attach })).streams);
  }

  /** How many operations a start of such a container has. */
  async countSteps(options: ContainerOptions): Promise<number> {
    const id = await this.create(options);
    let count = 0;
    const onPlan = (plan: ExplainedPlan): void => {
      count = plan.steps.length;
    };
    expect(await follow((await this.host.containers.start(id, { attach, onPlan })).streams)).toBe(0);
    await this.host.containers.remove(id);
    return count;
  }

  /** A monitor that has been told that all is done is gone soon, not at once. */
  async runIsOver(id: ContainerId): Promise<void> {
    await poll("no trace of the run", () => findRunTraces(this.host.host, id).length === 0, { intervalMs: 1 }).catch(() => {
      expect(findRunTraces(this.host.host, id)).toEqual([]);
    });
  }

  /** Nothing of a run is left, the container starts again as if nothing had been, and goes without a trace. */
  async startsAndGoes(id: ContainerId): Promise<void> {
    const { containers } = this.host;
    expect(await this.start(id)).toBe(0);
    expect(await containers.inspect(id)).toMatchObject({ status: "exited", exitCode: 0, error: "" });
    await this.runIsOver(id);
    await containers.remove(id, { force: true });
    await poll(`${id} is gone`, () => findTraces(this.host.host, id).length === 0, { intervalMs: 1 });
  }

  /** A client of its own whose launcher stands still before that operation. */
  async startAndStop(id: ContainerId, step: number): Promise<Stopped> {
    const client = this.host.start(["start", "-a", id], { env: stepEnvironment({ step, action: "stop" }) });
    const pids = await poll("a launcher that stands still", () => {
      const found = findStopped(id);
      if (found.length === 0 && client.child.exitCode !== null) throw new Error(`the client has ended: ${client.stderr}`);
      return found.length > 0 && found;
    });
    const [pid = 0] = pids;
    expect(pids).toEqual([pid]);
    return { pid, client };
  }
}

export const attach = { stdin: false, stdout: true, stderr: true };

/** To the process's end: its exit code. */
export async function follow(streams: ProcessStreams | undefined): Promise<number | null> {
  streams?.onOutput(() => undefined);
  return (await streams?.exited) ?? null;
}

export async function killClient({ client }: Stopped): Promise<void> {
  client.child.kill("SIGKILL");
  await client.done;
}

/** A signal to a launcher that may have gone meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export const stepsOf = (count: number): readonly number[] => Array.from({ length: count }, (_, step) => step);
