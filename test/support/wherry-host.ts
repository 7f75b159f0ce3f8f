import { afterAll, beforeAll, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { instanceName } from "../../src/core/ids.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { cgroupRootPath, removeCgroupRoot } from "../../src/kernel/cgroup-root.ts";
import { repository } from "./host-features.ts";
import { findLeaks } from "./leaks.ts";
import { layerMountsBase } from "../../src/layers/stored-layers.ts";
import { poll } from "./poll.ts";
import { unmountAllLayers } from "./test-layers.ts";
import { TerminalProgram } from "./terminal-program.ts";
import { RunningProgram, type RunOptions, type RunResult } from "./wherry-process.ts";

/** The built program. */
export const wherryProgram = `${repository}/dist/wherry`;

const OVERLAYFS_MAGIC = 0x794c7630;

/** A new directory for one test file, where overlayfs can have its upper directory (not on another overlay). */
export function makeTestDirectory(topic: string): string {
  const chosen = process.env["WHERRY_TEST_DIRECTORY"];
  const base = chosen ?? (statfsSync("/tmp").type === OVERLAYFS_MAGIC ? "/var/lib/wherry/test" : "/tmp/wherry-test");
  mkdirSync(base, { recursive: true });
  return mkdtempSync(`${base}/${topic}-`);
}

/** Wherry with a data root and a run root of its own: nothing that another test or the user of this machine has is touched. */
export class WherryHost {
  readonly directory: string;
  readonly root: string;
  readonly runRoot: string;
  readonly #program: string;

  /** @param program another build of Wherry. */
  constructor(topic: string, program: string = wherryProgram) {
    this.#program = program;
    this.directory = makeTestDirectory(topic);
    this.root = `${this.directory}/root`;
    this.runRoot = `${this.directory}/run`;
  }

  /** The arguments that select this host; a verb follows. */
  get selection(): readonly string[] {
    return ["--root", this.root, "--run-root", this.runRoot];
  }

  /** Runs a command to its end. Never throws for its exit code. */
  async wherry(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.start(args, options).done;
  }

  /** Runs a command that must succeed, and returns its standard output without the last newline. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.wherry(args, options);
    if (result.code !== 0) {
      throw new Error(`wherry ${args.join(" ")}: exit code ${result.code ?? result.signal}\n${result.stderr}${result.stdout}`);
    }
    return result.stdout.replace(/\n$/, "");
  }

  /** Starts a command and leaves it running. */
  start(args: readonly string[], options: RunOptions = {}): RunningProgram {
    return new RunningProgram(this.#program, [...this.selection, ...args], options);
  }

  /** Starts a command on a terminal. */
  terminal(
    args: readonly string[],
    options: { readonly rows?: number; readonly columns?: number; readonly env?: Record<string, string> } = {},
  ): TerminalProgram {
    return new TerminalProgram([this.#program, ...this.selection, ...args], options);
  }

  /**
   * Makes an image of the static test payload alone: `/payload`, an `/etc/passwd` with root and `user` (uid 1000, groups 1000 and 2000)
   * and an empty `/tmp`. Its entrypoint is `/payload`, so that `run payload identity` works. Returns the reference `payload`.
   */
  async importPayload(): Promise<string> {
    const tree = `${this.directory}/payload-tree`;
    for (const name of ["etc", "tmp", "proc", "sys", "dev"]) mkdirSync(`${tree}/${name}`, { recursive: true });
    copyFileSync(`${repository}/test/payload/build/payload`, `${tree}/payload`);
    writeFileSync(`${tree}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n");
    writeFileSync(`${tree}/etc/group`, "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n");
    const archive = `${this.directory}/payload.tar`;
    const tar = await new RunningProgram("tar", ["-C", tree, "--owner=0", "--group=0", "--numeric-owner", "-cf", archive, "."]).done;
    if (tar.code !== 0) throw new Error(`tar: ${tar.stderr}`);
    await this.ok(["import", "--change", 'ENTRYPOINT ["/payload"]', archive, "payload"]);
    return "payload";
  }

  /** What this host's instance has left on the machine. */
  async leaks(): Promise<readonly string[]> {
    // Layers stay mounted as long as they are stored: that is no leak.
    return findLeaks([this.directory, instanceName(this.root)]).filter((leak) => !leak.includes(` ${layerMountsBase(this.runRoot)}`));
  }

  /** An instance keeps its own control group for the next container. Once that is empty, a test has it no more; else it is a leak. */
  #removeCgroupRoot(): void {
    const layout = detectCgroupLayout();
    const name = instanceName(this.root);
    if (layout.systemd) spawnSync("systemctl", ["stop", `${name}-containers.service`], { stdio: "ignore" });
    // Of v1's controllers systemd knows some only, and removes what it knows.
    const ours = layout.systemd
      ? layout.hierarchies.filter(({ version, name: named }) => version === 1 && named === "")
      : layout.hierarchies;
    removeCgroupRoot({ layout: { ...layout, hierarchies: ours }, path: cgroupRootPath(layout, name), hasFile: () => false });
  }

  /** Removes every container, waits until the kernel has let go of everything, and deletes the directory. @throws with what is left. */
  async dispose(): Promise<void> {
    const ids = (await this.wherry(["ps", "-aq", "--no-trunc"])).stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.ok(["rm", "-f", ...ids]);
    unmountAllLayers(this.runRoot);
    try {
      // A namespace's last references go asynchronously in the kernel: soon, not at once.
      await poll(
        "nothing is left",
        async () => {
          this.#removeCgroupRoot();
          return (await this.leaks()).length === 0;
        },
        { timeoutMs: 5_000, intervalMs: 20 },
      );
    } catch {
      expect(await this.leaks()).toEqual([]);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A Wherry host for all tests of this file, disposed of after the last; what it leaves behind then fails the file. */
export function useWherryHost(topic: string, options: { readonly payload?: boolean } = {}): WherryHost {
  const host = new WherryHost(topic);
  beforeAll(async () => {
    if (options.payload === true) await host.importPayload();
  }, 60_000);
  afterAll(async () => {
    await host.dispose();
  }, 60_000);
  return host;
}
