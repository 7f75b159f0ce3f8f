import { renameSync, writeFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { faultPoint } from "../core/fault-point.ts";
import { Undo } from "../core/undo.ts";
import { readBootId } from "../kernel/boot-id.ts";
import type { CgroupGroup } from "../kernel/cgroup-group.ts";
import { killCgroup, removeCgroup, removeEmptyCgroup } from "../kernel/cgroup-control.ts";
import { detectCgroupLayout } from "../kernel/cgroup-layout.ts";
import type { RuntimeUser } from "./runtime-user.ts";
import { unprivilegedEntry } from "./unprivileged-start.ts";
import { makeUsableCgroup } from "./usable-cgroup.ts";
import type { LaunchPlan } from "../plan/operations.ts";
import { configInvalid } from "../plan/plan-context.ts";
import { type BundleConfig, readBundle } from "./bundle-config.ts";
import { bundleCgroupPath, callersGroups, placeInCgroups, requireEmptyCgroup } from "./bundle-cgroups.ts";
import { bundleFacts, bundleInput, type BundleInputRequest, type BundleOptions, lookAtHost } from "./bundle-input.ts";
import { BundleMemory } from "./bundle-memory.ts";
import { containerGroup } from "./container-group.ts";
import {
  claimContainer,
  type ContainerFiles,
  containerFiles,
  type ContainerRecord,
  removeRecord,
  writeRecord,
} from "./container-record.ts";
import { linkConsoleSocket } from "./console-socket.ts";
import { environmentOrder } from "./environment-order.ts";
import { type StartedProcess, startLike } from "./start-process.ts";
import { poststart } from "./post-hooks.ts";
import { StateLock } from "../kernel/state-lock.ts";
import { giveStdio } from "./stdio-owner.ts";

export interface CreateContainerRequest {
  /** `--root`. */
  readonly root: string;
  readonly id: string;
  /** Absolute. */
  readonly bundle: HostPath;
  readonly launcher: HostPath;
  /** Gets the terminal; absolute. */
  readonly consoleSocket?: HostPath;
  /** Gets the pid, once the container is created. */
  readonly pidFile?: string;
  readonly options?: BundleOptions;
  /** Read in place of the bundle's `config.json`. */
  readonly configPath?: string;
  readonly user: RuntimeUser;
  /** A container without limits runs without a control group where none may be made: `--rootless`. */
  readonly ignoreCgroupErrors: boolean;
  /** systemd makes the control group, as a scope. */
  readonly systemdCgroup?: boolean;
  /**
   * `wait`: created, it waits to be started, and nothing of ours stays. `detach`: started at once, and let go. `foreground`: started at once;
   * the launcher stays and tells how it ended.
   */
  readonly mode: "wait" | "detach" | "foreground";
  /** Told what went wrong without keeping the container from running. */
  readonly warn: (message: string) => void;
}

/**
 * Makes a container of a bundle. Its process has the caller's own standard streams, or a terminal.
 * @returns the process, with a connection to its monitor in the foreground
 * @throws {EngineError} CONTAINER_EXISTS, CONFIG_INVALID, CONFIG_UNSUPPORTED, CGROUP_…, SECCOMP_…, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
 *   LAUNCH_FAILED; everything is undone.
 */
export async function createContainer(request: CreateContainerRequest): Promise<StartedProcess> {
  const files = containerFiles(request.root, request.id);
  const memory = BundleMemory.open(request.user.plans);
  const bundle = await readBundle({ bundle: request.bundle, path: request.configPath, id: request.id }, memory);
  checkTerminal(bundle, request);
  const place = { ...(await placeOf(request, bundle)), cgroupLayout: detectCgroupLayout() };
  const record = newRecord(request, bundle, place);
  const group = containerGroup(record);
  claimContainer(files, request.id);
  faultPoint("bundle-claimed");
  await using undo = new Undo();
  undo.add(() => removeRecord(files));
  using lock = StateLock.first(files.directory);
  void lock;
  writeFileSync(files.config, bundle.text, { mode: 0o600 });
  writeRecord(files, record);
  faultPoint("bundle-recorded");
  if (request.systemdCgroup !== true) requireEmptyCgroup(group);
  undo.add(() => removeGroup(group));
  const started = await launch(request, { files, bundle, record, group, memory });
  undo.commit();
  return started;
}

async function launch(
  request: CreateContainerRequest,
  {
    files,
    bundle,
    record,
    group,
    memory,
  }: {
    readonly files: ContainerFiles;
    readonly bundle: BundleConfig;
    readonly record: ContainerRecord;
    readonly group: CgroupGroup;
    readonly memory: BundleMemory | null;
  },
): Promise<StartedProcess> {
  const { config, rootfs } = bundle;
  using entry = await unprivilegedEntry(config, request.user.rights);
  const bySystemd = request.systemdCgroup === true;
  using scope = bySystemd ? (await import("./systemd-cgroup.ts")).startContainerScope(config, request.id, request.launcher) : null;
  void scope;
  // It stays as it is, where systemd manages what is above.
  const made = {
    layout: makeUsableCgroup(config, group, { enableAbove: !bySystemd, ignoreRefusal: request.ignoreCgroupErrors }),
    path: group.path,
  };
  faultPoint("bundle-group-made");
  using consoleSocket = request.consoleSocket === undefined ? null : linkConsoleSocket(files.directory, request.consoleSocket);
  const inputRequest: BundleInputRequest = {
    config,
    identity: record,
    rootfs,
    monitorDirectory: request.mode === "foreground" ? files.directory : null,
    options: request.options ?? {},
    unprivileged: entry?.start ?? null,
    seccompCache: request.user.seccomp,
    ...(request.mode === "wait" ? { startWait: { start: files.start, reply: files.reply } } : {}),
    consoleSocket,
  };
  const look = await lookAtHost(inputRequest);
  const facts = bundleFacts(inputRequest, look, { made, callers: callersGroups() });
  const likeThis = facts === null ? null : (memory?.entry(request.id, facts, environmentOrder(config)) ?? null);
  giveStdio(config);
  const { started } = await startLike(
    {
      likeThis,
      makeInput: async () => bundleInput(inputRequest, look, await placeInCgroups(config, made, { devices: entry === null })),
      keepAs: () => likeThis,
    },
    {
      launcher: request.launcher,
      label: request.id,
      tty: config.process?.terminal === true,
      inheritStdio: true,
      passedDescriptors: request.options?.preservedDescriptors ?? 0,
      noteOf: (plan) => JSON.stringify(describeStart(plan)),
    },
  );
  faultPoint("bundle-process-started");
  const afterStart = JSON.parse(started.note) as ContainerRecord["afterStart"];
  writeRecord(files, { ...record, cgroupLayout: made.layout, pid: started.pid, startTime: String(started.startTime), afterStart });
  faultPoint("bundle-process-recorded");
  if (request.pidFile !== undefined) writePidFile(request.pidFile, started.pid);
  if (request.mode !== "wait") await poststart(config, record, { pid: started.pid, warn: request.warn });
  return started;
}

function newRecord(
  { id, bundle: directory }: CreateContainerRequest,
  { config, rootfs }: BundleConfig,
  place: Pick<ContainerRecord, "cgroup" | "cgroupLayout" | "systemdUnit">,
): ContainerRecord {
  return {
    format: 1,
    id,
    ociVersion: config.ociVersion,
    bundle: directory,
    rootfs,
    created: new Date().toISOString(),
    pid: 0,
    startTime: "0",
    bootId: readBootId(),
    ...place,
    annotations: config.annotations ?? {},
    afterStart: { first: 0, steps: [], command: config.process?.args?.[0] ?? "" },
  };
}

async function placeOf(
  { id, systemdCgroup }: CreateContainerRequest,
  { config }: BundleConfig,
): Promise<Pick<ContainerRecord, "cgroup" | "systemdUnit">> {
  if (systemdCgroup !== true) return { cgroup: bundleCgroupPath(config, id) };
  const { path, unit } = (await import("./systemd-cgroup.ts")).containerUnit(config, id);
  return { cgroup: path, systemdUnit: unit };
}

/** What follows STARTWAIT in the plan, in words. */
function describeStart(plan: LaunchPlan): ContainerRecord["afterStart"] {
  const wait = plan.operations.findIndex(({ name }) => name === "STARTWAIT");
  const first = wait < 0 ? plan.operations.length : wait + 1;
  const execute = plan.operations.find((operation) => operation.name === "EXEC");
  const child = plan.operations.slice(first).filter(({ section }) => section === "child");
  const steps = child.map(({ doing, why }) => doing ?? why);
  return { first, steps, command: execute?.args[1][0] ?? "" };
}

function checkTerminal({ config }: BundleConfig, { consoleSocket, mode }: CreateContainerRequest): void {
  const terminal = config.process?.terminal === true;
  const socket = consoleSocket !== undefined;
  // runc's words.
  if (mode !== "foreground" && terminal && !socket)
    throw configInvalid("cannot allocate tty if runc will detach without setting console socket (`process.terminal`, --console-socket)");
  if (socket && (!terminal || mode === "foreground"))
    throw configInvalid("cannot use console socket if runc will not detach or allocate tty (`process.terminal`, --console-socket)");
}

/** The process that was let go may be among what has to be cleared up. */
async function removeGroup(group: CgroupGroup): Promise<void> {
  if (removeEmptyCgroup(group)) return;
  await killCgroup(group);
  await removeCgroup(group);
}

/** In one step: whoever watches for the file finds the pid in it. */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/") + 1;
  const temporary = `${path.slice(0, slash)}.${path.slice(slash)}.${process.pid}`;
  writeFileSync(temporary, String(pid), { mode: 0o644 });
  renameSync(temporary, path);
}
