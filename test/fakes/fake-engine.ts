import type { ContainerOptions } from "../../src/spec/container-options.ts";
import type { ContainerDetails } from "../../src/containers/container-view.ts";
import type { ContainerId } from "../../src/core/brands.ts";
import { EngineError } from "../../src/core/engine-error.ts";
import type {
  AttachOptions,
  ContainerArchive,
  ContainerPathStat,
  ContainerPruneReport,
  ContainerService,
  ContainerUsage,
  Engine,
  ExecRequest,
  ImageDetails,
  ImageService,
  ListOptions,
  LogEntry,
  LogOptions,
  ProcessStreams,
  StartOptions,
  StartResult,
  SystemInfo,
  SystemService,
  VersionInfo,
  VolumeService,
} from "../../src/engine/engine.ts";
import type { DoctorReport } from "../../src/kernel/doctor-report.ts";
import type { ExplainedPlan } from "../../src/plan/explained-plan.ts";
import { containerRow } from "./container-row.ts";
import { FakeVolumes } from "./fake-volumes.ts";
import { spawnOnHost } from "./host-process-streams.ts";
import { FakeImages } from "./fake-images.ts";

/** What a fake engine holds at first, and what it answers. */
export interface FakeEngineInit {
  readonly containers?: readonly ContainerDetails[];
  readonly images?: readonly ImageDetails[];
  readonly logs?: readonly LogEntry[];
  readonly warnings?: readonly string[];
  readonly doctor?: DoctorReport;
  /** What the paths of every container are. */
  readonly paths?: Readonly<Record<string, ContainerPathStat>>;
}

/** One call that the code under test made: `containers.stop`, with its arguments. */
export interface FakeCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

export const fakePlan: ExplainedPlan = {
  steps: [
    {
      number: 1,
      section: "host",
      call: 'mkdirat(AT_FDCWD, "/sys/fs/cgroup/pids/wherry", 0755)',
      why: "a place to count the container's processes",
      man: "mkdir(2)",
      calls: ["mkdirat"],
      ignored: ["EEXIST"],
    },
    {
      number: 2,
      section: "parent",
      call: "clone3({flags=CLONE_NEWNS|CLONE_NEWPID}, 88) = <pid>",
      why: "the first process, in namespaces of its own",
      man: "clone(2)",
      calls: ["clone3"],
      ignored: [],
    },
    {
      number: 3,
      section: "child",
      call: 'execve("/bin/true", ["true"], …)',
      why: "the command",
      man: "execve(2)",
      calls: ["execve"],
      ignored: [],
    },
  ],
};

/**
 * The engine's interface in memory: containers are table rows whose processes run on the host. Enough for the command line's tests;
 * it knows no kernel. `calls` records what was asked of it.
 */
export class FakeEngine implements Engine {
  readonly calls: FakeCall[] = [];
  readonly rows: Map<string, ContainerDetails>;
  readonly imageRows: ImageDetails[];
  readonly containers: ContainerService;
  readonly images: ImageService;
  readonly system: SystemService;
  readonly volumes: VolumeService;
  closed = false;

  constructor(init: FakeEngineInit = {}) {
    this.rows = new Map((init.containers ?? []).map((container) => [container.id, container]));
    this.imageRows = [...(init.images ?? [])];
    this.containers = this.#recorded("containers", new FakeContainers(this, init));
    this.images = this.#recorded("images", new FakeImages(this));
    this.system = this.#recorded("system", new FakeSystem(init));
    this.volumes = this.#recorded("volumes", new FakeVolumes());
  }

  /** The row of an id, id prefix or name. */
  find(reference: string): ContainerDetails {
    for (const row of this.rows.values()) if (row.name === reference || row.id.startsWith(reference)) return row;
    throw new EngineError({ kind: "notFound", code: "CONTAINER_NOT_FOUND", message: `No such container: ${reference}` });
  }

  findImage(reference: string): ImageDetails {
    const wanted = reference.includes(":") ? reference : `${reference}:latest`;
    const found = this.imageRows.find(
      (image) => image.references.includes(wanted) || image.id.replace("sha256:", "").startsWith(reference.replace("sha256:", "")),
    );
    if (found === undefined) throw new EngineError({ kind: "notFound", code: "IMAGE_NOT_FOUND", message: `No such image: ${wanted}` });
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
  }

  #recorded<T extends object>(service: string, target: T): T {
    return new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key);
        if (typeof value !== "function" || typeof key !== "string") return value;
        return (...args: unknown[]) => {
          this.calls.push({ method: `${service}.${key}`, args });
          return value.apply(object, args);
        };
      },
    });
  }
}

class FakeContainers implements ContainerService {
  readonly #engine: FakeEngine;
  readonly #init: FakeEngineInit;
  #count = 0;

  constructor(engine: FakeEngine, init: FakeEngineInit) {
    this.#engine = engine;
    this.#init = init;
  }

  async create(options: ContainerOptions): Promise<{ readonly id: ContainerId; readonly warnings: readonly string[] }> {
    if (options.image === "missing" && !this.#engine.imageRows.some(({ references }) => references.includes("missing:latest")))
      throw new EngineError({ kind: "notFound", code: "IMAGE_NOT_FOUND", message: "no image `missing`: bring it in with wherry import" });
    this.#count += 1;
    const id = this.#count.toString(16).padStart(64, "f") as ContainerId;
    this.#engine.rows.set(
      id,
      containerRow({ id, name: options.name ?? `fake_${this.#count}`, image: options.image, command: options.command ?? [], options }),
    );
    return { id, warnings: this.#init.warnings ?? [] };
  }

  async start(reference: string, options: StartOptions = {}): Promise<StartResult> {
    const row = this.#engine.find(reference);
    options.onPlan?.(fakePlan);
    const attach = options.attach ?? { stdin: false, stdout: false, stderr: false };
    const streams = await spawnOnHost(row.command.length === 0 ? ["true"] : row.command, { tty: row.options.tty ?? false, attach });
    this.#engine.rows.set(row.id, { ...row, status: "running", pid: streams.pid, startedAt: new Date() });
    void streams.exited.then((exitCode) => {
      const now = this.#engine.rows.get(row.id);
      if (now !== undefined && exitCode !== null)
        this.#engine.rows.set(row.id, { ...now, status: "exited", exitCode, pid: 0, finishedAt: new Date() });
    });
    return { id: row.id, pid: streams.pid, warnings: [], ...(options.attach === undefined ? {} : { streams }) };
  }

  async run(options: ContainerOptions, start: StartOptions = {}): Promise<StartResult> {
    const { id, warnings } = await this.create(options);
    return { ...(await this.start(id, start)), warnings };
  }

  async stop(reference: string): Promise<void> {
    this.#set(reference, { status: "exited", exitCode: 137, finishedAt: new Date() });
  }

  async kill(reference: string): Promise<void> {
    const row = this.#engine.find(reference);
    if (row.status !== "running")
      throw new EngineError({ kind: "conflict", code: "CONTAINER_NOT_RUNNING", message: `container \`${row.name}\` is not running` });
    this.#set(reference, { status: "exited", exitCode: 137, finishedAt: new Date() });
  }

  async pause(reference: string): Promise<void> {
    this.#set(reference, { status: "paused" });
  }

  async unpause(reference: string): Promise<void> {
    this.#set(reference, { status: "running" });
  }

  async remove(reference: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const row = this.#engine.find(reference);
    if (row.status === "running" && options.force !== true) {
      throw new EngineError({
        kind: "conflict",
        code: "CONTAINER_RUNNING",
        message: `cannot remove container \`${row.name}\`: it is running: stop it first, or force`,
      });
    }
    this.#engine.rows.delete(row.id);
  }

  async rename(reference: string, name: string): Promise<void> {
    this.#set(reference, { name });
  }

  async update(reference: string): Promise<void> {
    this.#engine.find(reference);
  }

  async prune(): Promise<ContainerPruneReport> {
    const deleted = [...this.#engine.rows.values()].filter(({ status }) => status === "exited").map(({ id }) => id);
    for (const id of deleted) this.#engine.rows.delete(id);
    return { deleted, reclaimedBytes: deleted.length * 1000 };
  }

  async wait(reference: string): Promise<number> {
    return this.#engine.find(reference).exitCode ?? 0;
  }

  async list(options: ListOptions = {}): Promise<readonly ContainerDetails[]> {
    const rows = [...this.#engine.rows.values()].filter(
      (row) => options.all === true || row.status === "running" || row.status === "paused",
    );
    return options.limit === undefined ? rows : [...this.#engine.rows.values()].slice(0, options.limit);
  }

  async inspect(reference: string): Promise<ContainerDetails> {
    return this.#engine.find(reference);
  }

  async attach(reference: string, options: AttachOptions): Promise<ProcessStreams> {
    const row = this.#engine.find(reference);
    return await spawnOnHost(row.command, { tty: row.options.tty ?? false, attach: options });
  }

  async *logs(reference: string, options: LogOptions): AsyncGenerator<LogEntry> {
    this.#engine.find(reference);
    const wanted = (this.#init.logs ?? []).filter((entry) => (entry.stream === "stdout" ? options.stdout : options.stderr));
    yield* options.tail === undefined ? wanted : wanted.slice(Math.max(0, wanted.length - options.tail));
  }

  async exec(reference: string, request: ExecRequest): Promise<ProcessStreams> {
    this.#engine.find(reference);
    return await spawnOnHost(request.command, {
      tty: request.tty ?? false,
      attach: request.attach ?? { stdin: false, stdout: false, stderr: false },
    });
  }

  async statPath(reference: string, path: string): Promise<ContainerPathStat> {
    this.#engine.find(reference);
    const found = this.#init.paths?.[path];
    if (found === undefined)
      throw new EngineError({
        kind: "notFound",
        code: "COPY_PATH_NOT_FOUND",
        message: `Could not find the file ${path} in container ${reference}`,
      });
    return found;
  }

  async readArchive(reference: string, path: string): Promise<ContainerArchive> {
    const stat = await this.statPath(reference, path);
    return { stat, tar: this.export(reference) };
  }

  async writeArchive(reference: string, _path: string, tar: AsyncIterable<Uint8Array>): Promise<number> {
    this.#engine.find(reference);
    let length = 0;
    for await (const chunk of tar) length += chunk.length;
    return length;
  }

  async *export(reference: string): AsyncGenerator<Uint8Array> {
    this.#engine.find(reference);
    yield Buffer.alloc(1024);
  }

  async diff(): Promise<readonly { readonly path: string; readonly kind: "added" | "changed" | "deleted" }[]> {
    return [
      { path: "/etc", kind: "changed" },
      { path: "/etc/new", kind: "added" },
      { path: "/etc/old", kind: "deleted" },
    ];
  }

  async usage(): Promise<readonly ContainerUsage[]> {
    return [...this.#engine.rows.values()].map((row) => ({ ...row, diskBytes: 4096 }));
  }

  async top(): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }> {
    return {
      titles: ["UID", "PID", "CMD"],
      processes: [
        ["root", "41", "sleep 100"],
        ["nobody", "1042", "sh"],
      ],
    };
  }

  async stats() {
    return {
      memoryUsageBytes: 3 * 1024 ** 2,
      memoryLimitBytes: 512 * 1024 ** 2,
      memoryPeakBytes: 4 * 1024 ** 2,
      cpuUsageNanos: 1_500_000_000n,
      cpuThrottledPeriods: 2,
      cpuThrottledNanos: 7_000_000n,
      pids: 2,
      pidsLimit: 100,
      blkioReadBytes: 1_500_000,
      blkioWriteBytes: 0,
      oomKills: 0,
    };
  }

  async explain(): Promise<ExplainedPlan> {
    return fakePlan;
  }

  async explainOptions(): Promise<ExplainedPlan> {
    return fakePlan;
  }

  #set(reference: string, change: Partial<ContainerDetails>): void {
    const row = this.#engine.find(reference);
    this.#engine.rows.set(row.id, { ...row, ...change });
  }
}

class FakeSystem implements SystemService {
  readonly #init: FakeEngineInit;

  constructor(init: FakeEngineInit) {
    this.#init = init;
  }

  async checkLogin(registry: string): Promise<void> {
    if (registry !== "strict.test") return;
    throw new EngineError({ kind: "unauthenticated", code: "REGISTRY_UNAUTHORIZED", message: `log in to \`${registry}\`: unauthorized` });
  }

  async version(): Promise<VersionInfo> {
    return {
      version: "0.1.0",
      gitCommit: "abcdef1",
      os: "linux",
      architecture: "amd64",
      kernel: "6.18.0",
      runtime: "bun 1.4.5",
      launcher: "1",
    };
  }

  async info(): Promise<SystemInfo> {
    return {
      id: "fake",
      root: "/var/lib/wherry",
      runRoot: "/run/wherry",
      containers: { total: 3, created: 0, running: 1, paused: 0, exited: 2, dead: 0 },
      images: 2,
      layerDriver: { name: "directory", reason: "EROFS can't be mounted here" },
      cgroupDriver: "cgroupfs",
      cgroupVersion: "1",
      controllers: ["cpu", "memory"],
      kernel: "6.18.0",
      operatingSystem: "Debian GNU/Linux 12 (bookworm)",
      architecture: "x86_64",
      cpus: 2,
      memoryBytes: 8 * 1024 ** 3,
      name: "host",
      securityOptions: ["seccomp"],
      warnings: [],
    };
  }

  async doctor(): Promise<DoctorReport> {
    return (
      this.#init.doctor ?? {
        sections: [{ title: "Namespaces", items: [{ name: "mount", status: "ok", detail: "/proc/self/ns/mnt", consequence: "" }] }],
      }
    );
  }
}
