import { readdirSync, readFileSync } from "node:fs";
import type { ContainerHost } from "../../src/containers/container-host.ts";
import type { HostPath } from "../../src/core/brands.ts";
import { LocalContainerService } from "../../src/engine/container-service.ts";
import { createContainerHost } from "../../src/engine/create-host.ts";
import { repository } from "./host-features.ts";
import { WherryHost } from "./wherry-host.ts";

/** The test build, whose programs can be told where to fail (`node scripts/build.mjs --faults`). */
export const faultProgram = `${repository}/dist-fault/wherry`;

/** What an operation of a launch plan is to suffer, before it runs (launcher/execute.c). */
export interface StepFault {
  /** Index in the plan, from 0. */
  readonly step: number;
  readonly action: "kill" | "stop" | "exit";
}

/** For the environment of a command of the fault build. */
export function stepEnvironment(fault: StepFault): Record<string, string> {
  return { WHERRY_FAULT_STEP: String(fault.step), WHERRY_FAULT_ACTION: fault.action };
}

/** Wherry's fault build on roots of its own: as commands, and the same engine in this process, which is quicker by far. */
export class FaultHost extends WherryHost {
  #host: ContainerHost | undefined;

  constructor(topic: string) {
    super(topic, faultProgram);
    // What the build defines for the compiled engine.
    Object.assign(globalThis, { WHERRY_FAULTS: true });
  }

  get host(): ContainerHost {
    const { root, runRoot } = this;
    this.#host ??= {
      ...createContainerHost({ root, runRoot }),
      launcher: `${repository}/dist-fault/launcher` as HostPath,
      exitHook: [`${repository}/dist-fault/engine`, "internal", "exit", root, runRoot],
    };
    return this.#host;
  }

  get containers(): LocalContainerService {
    return new LocalContainerService(this.host, () => Promise.reject(new Error("tests use the payload image")));
  }

  /** Launches of this process suffer the fault while `action` runs; one at a time. */
  async suffering<Result>(fault: StepFault, action: () => Promise<Result>): Promise<Result> {
    const environment = stepEnvironment(fault);
    Object.assign(process.env, environment);
    try {
      return await action();
    } finally {
      for (const name of Object.keys(environment)) delete process.env[name];
    }
  }
}

/** Processes that name all of `words` in their arguments, by pid. */
export function findProcesses(...words: readonly string[]): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) =>
      words.every((word) =>
        readProc(pid, "cmdline")
          .split("\0")
          .some((argument) => argument.includes(word)),
      ),
    )
    .map(Number);
}

/** The processes that have come to where the fault launcher was to stop, of that container. */
export function findStopped(id: string): readonly number[] {
  return findProcesses("plan", id).filter((pid) => readProc(String(pid), "comm") === "fault-stopped\n");
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
