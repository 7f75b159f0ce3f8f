import { expect } from "bun:test";
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import { EngineError } from "../../src/core/engine-error.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { launchPlan, type LaunchedProcess } from "../../src/kernel/launcher-client.ts";
import { compilePlan } from "../../src/plan/compile.ts";
import { describeFailure } from "../../src/plan/describe-failure.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import type { CgroupPlan, PlanInput } from "../../src/plan/plan-input.ts";
import { SAMPLE_FEATURES, samplePlanInputs } from "../../src/plan/testdata/plan-inputs.ts";
import { repository } from "./host-features.ts";
import { findLeaks } from "./leaks.ts";
import { poll } from "./poll.ts";
import { makeTestDirectory } from "./wherry-host.ts";

const APPLETS = ["sh", "id", "cat", "ls", "grep", "hostname", "touch", "head", "tr", "mount", "sleep", "readlink", "stat", "tty"];

export interface SampleLaunch {
  readonly script: string;
  /** The container that is joined or entered. */
  readonly target?: LaunchedProcess;
  /** Whose cgroups are used; the sample's name otherwise. */
  readonly id?: string;
}

/**
 * Runs the sample plans of `src/plan/testdata` by launcher and kernel alone, without an engine: a root file system with busybox, and cgroups
 * of its own. `close` removes all of it and fails the test when anything is left that still refers to it.
 */
export class PlanHost {
  /** First host id of the user namespaces. */
  readonly idBase = 200_000;
  readonly directory: string;
  /** The one layer below every container; may be changed before a launch. */
  readonly rootfs: string;
  readonly group: string;

  constructor(topic: string) {
    this.directory = makeTestDirectory(topic);
    this.group = `wherry-${this.directory.slice(this.directory.lastIndexOf("/") + 1)}`;
    this.rootfs = `${this.directory}/rootfs`;
    for (const name of ["bin", "etc", "tmp", "root"]) mkdirSync(`${this.rootfs}/${name}`, { recursive: true });
    copyFileSync(existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", `${this.rootfs}/bin/busybox`);
    for (const name of APPLETS) symlinkSync("busybox", `${this.rootfs}/bin/${name}`);
    this.#makeCgroups();
  }

  #makeCgroups(): void {
    for (const hierarchy of detectCgroupLayout().hierarchies) {
      const directory = `${hierarchy.mountPoint}/${this.group}`;
      mkdirSync(directory);
      if (hierarchy.version === 1 && hierarchy.controllers.includes("cpuset")) {
        for (const file of ["cpuset.cpus", "cpuset.mems"])
          writeFileSync(`${directory}/${file}`, readFileSync(`${hierarchy.mountPoint}/${file}`));
        writeFileSync(`${directory}/cgroup.clone_children`, "1");
      }
      mkdirSync(`${directory}/monitors`);
    }
  }

  #cgroups(id: string): CgroupPlan {
    return {
      placements: detectCgroupLayout().hierarchies.map(({ mountPoint, version }) => ({
        directory: `${mountPoint}/${this.group}/${id}` as HostPath,
        monitorDirectory: `${mountPoint}/${this.group}/monitors` as HostPath,
        version,
        writes: [],
      })),
    };
  }

  inputOf(name: string, { script, target, id = name }: SampleLaunch): PlanInput {
    const directory = mkdtempSync(`${this.directory}/c-`);
    for (const entry of ["upper", "work", "links", "run", "volume"]) mkdirSync(`${directory}/${entry}`);
    symlinkSync(this.rootfs, `${directory}/links/0`);
    writeFileSync(`${directory}/hosts`, "127.0.0.1 localhost\n");
    writeFileSync(`${directory}/volume/file`, "from the host\n");
    if (name.includes("userns")) chownSync(`${directory}/upper`, this.idBase, this.idBase);
    const bounding = /^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    const input = samplePlanInputs({
      lowers: [this.rootfs],
      directory,
      bundle: this.rootfs,
      cgroups: this.#cgroups(id),
      features: { ...SAMPLE_FEATURES, capabilities: BigInt(`0x${bounding}`), overlayLowerdirPlus: hasLowerdirPlus() },
      target: target === undefined ? { pid: 1, startTime: 0n } : { pid: target.pid, startTime: target.startTime },
      command: ["sh", "-c", script],
      idBase: this.idBase,
    })[name];
    if (input === undefined) throw new Error(`no sample input ${name}`);
    return input;
  }

  start(name: string, launch: SampleLaunch): Promise<LaunchedProcess> {
    return this.launch(this.inputOf(name, launch));
  }

  /** A failure of one of the plan's operations is told in words, as the engine does. */
  async launch(input: PlanInput): Promise<LaunchedProcess> {
    const plan = compilePlan(input);
    try {
      return await launchPlan({ launcher: `${repository}/launcher/build/launcher`, plan: encodePlan(plan) });
    } catch (error) {
      if (!(error instanceof EngineError) || typeof error.details["operation"] !== "number") throw error;
      const { operation, errno, detail } = error.details as { operation: number; errno: number; detail: string };
      throw describeFailure(plan, { index: operation, errno, detail });
    }
  }

  /** What the script printed in the container of that sample, without carriage returns, and its wait status. */
  run(name: string, launch: SampleLaunch): Promise<string> {
    return this.runInput(this.inputOf(name, launch));
  }

  async runInput(input: PlanInput): Promise<string> {
    const { connection } = await this.launch(input);
    let output = "";
    connection.onOutput((chunk) => {
      output += Buffer.from(chunk.bytes).toString("utf8");
    });
    const end = await connection.ended;
    await connection.finish();
    return `${output.replaceAll("\r", "")}status ${end?.waitStatus}\n`;
  }

  async kill(target: LaunchedProcess): Promise<void> {
    process.kill(target.pid, "SIGKILL");
    await target.connection.ended;
    await target.connection.finish();
  }

  async close(): Promise<void> {
    const groups = detectCgroupLayout().hierarchies.map(({ mountPoint }) => `${mountPoint}/${this.group}`);
    await poll("the cgroups to be empty", () => {
      for (const directory of groups) removeGroup(directory);
      return groups.every((directory) => !existsSync(directory));
    });
    // The launcher of another test that began meanwhile may hold on for a moment to what was mounted here.
    await poll("nothing is left", () => findLeaks([this.directory]).length === 0).catch(() => {
      expect(findLeaks([this.directory])).toEqual([]);
    });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function hasLowerdirPlus(): boolean {
  const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 13);
}

function removeGroup(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeGroup(`${directory}/${entry.name}`);
  try {
    rmdirSync(directory);
  } catch {
    // Still busy: asked again.
  }
}
