import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { CgroupLayout, CgroupPath } from "../core/cgroup-layout.ts";
import { EngineError } from "../core/engine-error.ts";
import type { OciConfig } from "../plan/oci-config.ts";

/** What is remembered of a container of an OCI bundle: `state.json` in its directory beneath `--root`. */
export interface ContainerRecord {
  readonly format: 1;
  readonly id: string;
  readonly ociVersion: string;
  readonly bundle: HostPath;
  readonly rootfs: HostPath;
  /** RFC 3339. */
  readonly created: string;
  /** 0: there is no process yet, or creating it failed half-way. */
  readonly pid: number;
  /** Clock ticks since boot, decimal: with the boot's id it tells the process from a later one with its pid. */
  readonly startTime: string;
  readonly bootId: string;
  readonly cgroup: CgroupPath;
  /** Absent in the record of an earlier version. */
  readonly cgroupLayout?: CgroupLayout;
  /** The systemd unit that the group belongs to, where systemd has made it. */
  readonly systemdUnit?: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** What the process does once it is started, for the sentence that says what failed: the first operation's index, and each one's own words. */
  readonly afterStart: { readonly first: number; readonly steps: readonly string[]; readonly command: string };
}

/** The files of one container. */
export interface ContainerFiles {
  readonly directory: HostPath;
  readonly state: HostPath;
  /** The configuration that it was created with; the bundle may change afterwards. */
  readonly config: HostPath;
  /** FIFOs, there until it is started. */
  readonly start: HostPath;
  readonly reply: HostPath;
}

export function containerFiles(root: string, id: string): ContainerFiles {
  checkId(id);
  const directory = `${root}/${id}`;
  const file = (name: string) => `${directory}/${name}` as HostPath;
  return {
    directory: directory as HostPath,
    state: file("state.json"),
    config: file("config.json"),
    start: file("start"),
    reply: file("reply"),
  };
}

/** As runc has it: the id is a directory's name and part of a cgroup's. @throws {EngineError} INVALID_OPTION */
function checkId(id: string): void {
  if (/^[\w+.-]+$/.test(id) && id !== "." && id !== ".." && id.length <= 255) return;
  throw new EngineError({ kind: "invalidArgument", code: "INVALID_OPTION", message: `invalid container ID format: \`${id}\`` });
}

/**
 * Takes an id for a new container. Atomic: of two callers one gets it.
 * @throws {EngineError} CONTAINER_EXISTS, STATE_UNAVAILABLE
 */
export function claimContainer(files: ContainerFiles, id: string): void {
  makeRoot(files.directory.slice(0, files.directory.lastIndexOf("/")));
  try {
    mkdirSync(files.directory, { mode: 0o700 });
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
    // The words are runc's: engines look for them.
    throw new EngineError({
      kind: "alreadyExists",
      code: "CONTAINER_EXISTS",
      message: `container with given ID already exists: \`${id}\``,
      cause,
    });
  }
}

/** Sticky: what is in $XDG_RUNTIME_DIR without being so may be cleared away there. @throws {EngineError} STATE_UNAVAILABLE @see XDG Base Directory Specification */
function makeRoot(root: string): void {
  try {
    mkdirSync(root, { recursive: true, mode: 0o1700 });
  } catch (cause) {
    const message = `make the containers' directory \`${root}\`: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new EngineError({ kind: "internal", code: "STATE_UNAVAILABLE", message, cause });
  }
}

/** Replaces `state.json` in one step. It need not survive a power cut: the process does not, either. */
export function writeRecord(files: ContainerFiles, record: ContainerRecord): void {
  const temporary = `${files.state}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
  renameSync(temporary, files.state);
}

/** @throws {EngineError} CONTAINER_NOT_FOUND, INVALID_OPTION */
export function readRecord(files: ContainerFiles): ContainerRecord {
  const record = findRecord(files);
  if (record !== null) return record;
  const id = files.directory.slice(files.directory.lastIndexOf("/") + 1);
  throw new EngineError({ kind: "notFound", code: "CONTAINER_NOT_FOUND", message: `container \`${id}\`: container does not exist` });
}

/** Null where there is no such container, or it is only just being created. */
export function findRecord(files: ContainerFiles): ContainerRecord | null {
  try {
    const record = JSON.parse(readFileSync(files.state, "utf8")) as ContainerRecord;
    return record.pid === 0 ? { ...record, ...startedProcess(files) } : record;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new EngineError({
      kind: "internal",
      code: "STATE_UNAVAILABLE",
      message: `read \`${files.state}\`: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}

/** What a monitor has noted, should its client have been killed before it could. @see docs/plan-protocol.md, section 3 */
function startedProcess({ directory }: ContainerFiles): Partial<Pick<ContainerRecord, "pid" | "startTime">> {
  try {
    const [, pid, startTime] = /^pid (\d+)\nstart (\d+)\n/.exec(readFileSync(`${directory}/started`, "utf8")) ?? [];
    return pid === undefined || startTime === undefined ? {} : { pid: Number(pid), startTime };
  } catch {
    return {};
  }
}

/** The configuration that the container was created with. */
export function readCreatedConfig(files: ContainerFiles): OciConfig {
  return JSON.parse(readFileSync(files.config, "utf8")) as OciConfig;
}

/** The same; null when creating the container failed before it was written. */
export function findCreatedConfig(files: ContainerFiles): OciConfig | null {
  return existsSync(files.config) ? readCreatedConfig(files) : null;
}

export function removeRecord(files: ContainerFiles): void {
  rmSync(files.directory, { recursive: true, force: true });
}

/** The ids beneath a root, sorted. */
export function listContainerIds(root: string): readonly string[] {
  try {
    const entries = readdirSync(root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
