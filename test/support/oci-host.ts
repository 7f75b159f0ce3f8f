import { afterAll, expect } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  openSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { OciConfig, OciProcess } from "../../src/plan/oci-config.ts";
import { repository } from "./host-features.ts";
import { findLeaks } from "./leaks.ts";
import { poll } from "./poll.ts";
import { removeTestCgroup, testCgroup } from "./test-cgroup.ts";
import { makeTestDirectory, wherryProgram } from "./wherry-host.ts";
import { RunningProgram, type RunOptions, type RunResult } from "./wherry-process.ts";

/** What `runc spec` writes, less a terminal; a test changes what it is about. */
export type BundleChange = (config: MutableConfig) => void;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
export type MutableConfig = Mutable<Omit<OciConfig, "process" | "linux">> & {
  process: Mutable<OciProcess>;
  linux: Mutable<NonNullable<OciConfig["linux"]>>;
};

/** `wherry oci` with a state root, bundles and a control group of its own. */
export class OciHost {
  readonly directory: string;
  readonly root: string;
  /** Parent of the containers' groups, in every hierarchy. */
  readonly group: string;
  /** A link to the program by the name that makes it an OCI runtime. */
  readonly runtime: string;
  #bundles = 0;
  #outputs = 0;

  constructor(topic: string, program = wherryProgram) {
    this.directory = makeTestDirectory(topic);
    this.root = `${this.directory}/state`;
    this.group = testCgroup(this.directory);
    this.runtime = `${this.directory}/wherry-runc`;
    symlinkSync(program, this.runtime);
  }

  /** A bundle that runs the payload (or `args`, whose first word is a path in the container) without a terminal. */
  bundle(args: readonly string[], change: BundleChange = () => undefined): string {
    this.#bundles += 1;
    const bundle = `${this.directory}/bundle-${this.#bundles}`;
    for (const name of ["proc", "sys", "dev", "tmp", "etc", "bin"]) mkdirSync(`${bundle}/rootfs/${name}`, { recursive: true });
    copyFileSync(`${repository}/test/payload/build/payload`, `${bundle}/rootfs/payload`);
    const config = JSON.parse(readFileSync(`${repository}/test/support/bundle-config.json`, "utf8")) as MutableConfig;
    config.process.args = args;
    config.linux.cgroupsPath = `${this.group}/bundle-${this.#bundles}`;
    change(config);
    writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
    return bundle;
  }

  start(args: readonly string[], options: RunOptions = {}): RunningProgram {
    return new RunningProgram(this.runtime, ["--root", this.root, ...args], options);
  }

  /** Runs a command to its end. Never throws for its exit code. */
  oci(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.start(args, options).done;
  }

  /** Runs a command that must succeed, and returns its output. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.oci(args, options);
    if (result.code !== 0)
      throw new Error(`${args.join(" ")}: exit code ${result.code ?? result.signal}\n${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  /**
   * Runs `create`, `run --detach` or `exec --detach`, whose process keeps the streams that it was given: a file, which is returned, so that
   * nobody waits for its end. `output` is what came until the command ended.
   */
  async leave(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string; readonly file: string }> {
    this.#outputs += 1;
    const file = `${this.directory}/output-${this.#outputs}`;
    const stream = openSync(file, "a");
    const child = spawn(this.runtime, ["--root", this.root, ...args], { stdio: ["ignore", stream, stream] });
    closeSync(stream);
    const [code] = (await once(child, "exit")) as [number | null];
    return { code, output: readFileSync(file, "utf8"), file };
  }

  /** The same for one that must succeed; returns the file. */
  async left(args: readonly string[]): Promise<string> {
    const { code, output, file } = await this.leave(args);
    if (code !== 0) throw new Error(`${args.join(" ")}: exit code ${code}\n${output}`);
    return file;
  }

  async state(id: string): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await this.ok(["state", id])) as Readonly<Record<string, unknown>>;
  }

  async untilStatus(id: string, status: string): Promise<void> {
    await poll(`${id} is ${status}`, async () => (await this.state(id))["status"] === status);
  }

  /** Deletes every container, and fails the test when anything is left on the machine. */
  async dispose(): Promise<void> {
    const ids = existsSync(this.root) ? readdirSync(this.root) : [];
    for (const id of ids) await this.ok(["delete", "--force", id]);
    await removeTestCgroup(this.group);
    await poll("nothing is left", () => findLeaks([this.directory, this.group.slice(1)]).length === 0, { timeoutMs: 5_000 }).catch(() => {
      expect(findLeaks([this.directory, this.group.slice(1)])).toEqual([]);
    });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** An OCI host for all tests of this file. */
export function useOciHost(topic: string, program?: string): OciHost {
  const host = new OciHost(topic, program);
  afterAll(() => host.dispose(), 60_000);
  return host;
}
