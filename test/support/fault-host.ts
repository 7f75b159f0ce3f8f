import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ContainerHost } from "../../src/containers/container-host.ts";
import type { HostPath } from "../../src/core/brands.ts";
import { LocalContainerService } from "../../src/engine/container-service.ts";
import { createContainerHost } from "../../src/engine/create-host.ts";
import { repository } from "./host-features.ts";
import { WherryHost } from "./wherry-host.ts";

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

/** A build of Wherry on roots of its own: as commands, and the same engine in this process, which is quicker by far. */
/** A host for the tests of one file, with the image `payload`, removed after them. */
export function useFaultHost(topic: string, build?: "dist" | "dist-fault"): FaultHost {
  const host = new FaultHost(topic, build);
  beforeAll(async () => {
    await host.importPayload();
  }, 60_000);
  afterAll(async () => {
    await host.dispose();
  }, 60_000);
  return host;
}

export class FaultHost extends WherryHost {
  readonly #build: string;
  #host: ContainerHost | undefined;

  /** @param build `dist` for tests that need no faults from within: the front program starts launchers ahead there. */
  constructor(topic: string, build: "dist" | "dist-fault" = "dist-fault") {
    super(topic, `${repository}/${build}/wherry`);
    this.#build = `${repository}/${build}`;
    // What the build defines for the compiled engine.
    if (build === "dist-fault") Object.assign(globalThis, { WHERRY_FAULTS: true });
  }

  get host(): ContainerHost {
    const { root, runRoot } = this;
    this.#host ??= {
      ...createContainerHost({ root, runRoot }),
      launcher: `${this.#build}/launcher` as HostPath,
      exitHook: [`${this.#build}/engine`, "internal", "exit", root, runRoot],
    };
    return this.#host;
  }

  get containers(): LocalContainerService {
    return new LocalContainerService(this.host, () => Promise.reject(new Error("tests use the payload image")));
  }

  /** What is in the two roots although there is neither a container nor an image, and no command runs. */
  #leftFiles(): readonly string[] {
    const places = ["containers", "content/sha256", "content/ingest", "layers/sha256", "layers/ingest"].map(
      (name) => `${this.root}/${name}`,
    );
    const runs = entriesOf(this.runRoot).filter((name) => /^[0-9a-f]{64}$/.test(name));
    return [...places.flatMap((place) => entriesOf(place).map((name) => `${place}/${name}`)), ...runs];
  }

  override async dispose(): Promise<void> {
    for (const [list, remove] of [
      ["ps", "rm"],
      ["images", "rmi"],
    ] as const) {
      const ids = new Set((await this.ok([list, "-aq"])).split("\n").filter((id) => id !== ""));
      if (ids.size > 0) await this.ok([remove, "-f", ...ids]);
    }
    const left = this.#leftFiles();
    await super.dispose();
    expect(left).toEqual([]);
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

function entriesOf(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
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
