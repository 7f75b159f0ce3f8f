import { afterAll, afterEach, beforeAll, beforeEach } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { type LaunchedProcess, launchPlan } from "../../src/kernel/launcher-client.ts";
import type { ProcessConnection } from "../../src/kernel/process-connection.ts";
import { repository } from "./host-features.ts";
import { poll } from "./poll.ts";

/** MONITOR's flags (docs/plan-protocol.md). */
export const monitorFlags = { stdout: 1, stderr: 2, stdin: 4, claims: 8, stdinOnce: 16 } as const;
/** As `run -i` starts a process. */
export const attached = 15;

export interface MonitorSetup {
  readonly terminal?: boolean;
  readonly flags?: number;
  readonly logBytes?: number;
  readonly logFiles?: number;
  readonly buffer?: number;
  readonly hook?: string;
}

/** Processes under a monitor, without containers: launcher/test/monitor-driver.c, built once a file; a run directory for each test. */
export class MonitorDriver {
  #programs = "";
  #work = "";
  readonly #launched: LaunchedProcess[] = [];

  /** To be called once at the top of a test file. */
  constructor() {
    beforeAll(() => this.#build());
    beforeEach(() => {
      this.#work = mkdtempSync(`${tmpdir()}/wherry-monitor-`);
      mkdirSync(this.run);
    });
    afterEach(() => this.#clean());
    afterAll(() => rmSync(this.#programs, { recursive: true, force: true }));
  }

  /** The run directory. */
  get run(): string {
    return `${this.#work}/run`;
  }

  get log(): string {
    return `${this.run}/log`;
  }

  get exitRecord(): string | null {
    return existsSync(`${this.run}/exit`) ? readFileSync(`${this.run}/exit`, "latin1") : null;
  }

  async start(command: readonly string[], setup: MonitorSetup = {}): Promise<LaunchedProcess> {
    const fields = [
      setup.terminal === true ? "pty" : "pipe",
      this.run,
      String(setup.flags ?? attached),
      this.log,
      String(setup.logBytes ?? 10 * 1024 * 1024),
      String(setup.logFiles ?? 3),
      String(setup.buffer ?? 1024 * 1024),
      setup.hook ?? "",
      ...command,
    ];
    const process = await launchPlan({ launcher: `${this.#programs}/driver`, plan: Buffer.from(`${fields.join("\0")}\0`) });
    this.#launched.push(process);
    return process;
  }

  shell(script: string, setup?: MonitorSetup): Promise<LaunchedProcess> {
    return this.start(["sh", "-c", script], setup);
  }

  /** A shell script beside the run directory. */
  script(name: string, text: string): string {
    const path = `${this.#work}/${name}`;
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  #build(): void {
    this.#programs = mkdtempSync(`${tmpdir()}/wherry-monitor-driver-`);
    const launcher = `${repository}/launcher`;
    const sources = readdirSync(launcher).filter((name) => /^(monitor|attach|log|frame)\b.*\.c$/.test(name));
    const files = [`${launcher}/test/monitor-driver.c`, ...sources.map((name) => `${launcher}/${name}`)];
    const built = spawnSync("cc", ["-O2", "-D_GNU_SOURCE=", "-o", `${this.#programs}/driver`, ...files], { encoding: "utf8" });
    if (built.status !== 0) throw new Error(built.stderr);
  }

  async #clean(): Promise<void> {
    for (const { pid, monitorPid, connection } of this.#launched.splice(0)) {
      connection.close();
      if (!isGone(monitorPid) && this.exitRecord === null) killGroup(pid);
      await poll(`the monitor ${monitorPid} has ended`, () => isGone(monitorPid));
    }
    rmSync(this.#work, { recursive: true, force: true });
  }
}

/** No such process, or a zombie. */
export function isGone(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return true;
  }
}

/** The driver makes each process the leader of a session and group of its own. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Collects both streams as they come. */
export function collect(connection: ProcessConnection): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  connection.onOutput(({ stream, bytes }) => {
    output[stream] += Buffer.from(bytes).toString("latin1");
  });
  return output;
}

/** An exit code as waitpid(2) gives it. */
export function exited(code: number): number {
  return code << 8;
}
