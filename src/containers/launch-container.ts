import { chownSync, chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import type { AttachOptions } from "../kernel/process-streams.ts";
import type { ExplainedPlan } from "../plan/explained-plan.ts";
import { type HostClocks, readHostClocks } from "../kernel/host-clocks.ts";
import type { PlanCacheEntry } from "../runtime/plan-cache.ts";
import { type StartedProcess, startLike } from "../runtime/start-process.ts";
import type { AccountFiles } from "../spec/accounts.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { zeroClocks } from "../spec/zero-clocks.ts";
import { managedFiles } from "../spec/managed-files.ts";
import type { ContainerRow, RowStatus } from "../state/container-row.ts";
import { moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { recordStart } from "./record-start.ts";
import { reserveIdRange } from "./id-range.ts";
import { containerHostname } from "./prepare-container.ts";
import { readExitRecord } from "./run-record.ts";
import { releaseRunning } from "./release-running.ts";
import { prepareRootFilesystem } from "./root-filesystem.ts";
import { startFacts } from "./start-facts.ts";

export interface LaunchOptions {
  readonly attach?: AttachOptions;
  readonly onPlan?: (plan: ExplainedPlan) => void;
  /** Known from the image when nothing has been written yet; else they are looked up. */
  readonly accounts?: AccountFiles;
}

/**
 * Starts the process of a row that this process has moved to `starting`. On failure the row goes back to `before`, with the reason
 * and docker's exit code (127 not found, 126 not executable, 128 otherwise), and nothing that belongs to a running container is left.
 * @throws {EngineError} COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, LAUNCH_FAILED, and what `launchInput` throws.
 */
export async function launchContainer(
  host: ContainerHost,
  row: ContainerRow,
  before: RowStatus,
  options: LaunchOptions,
): Promise<StartedProcess & { readonly warnings: readonly string[] }> {
  try {
    const settings = JSON.parse(row.options) as ContainerOptions;
    await prepareDirectories(host, row, settings);
    const { warnings, ...started } = await startFirst(host, row, settings, options).catch((error: unknown) =>
      startCleared(host, row, { settings, options, error }),
    );
    faultPoint("process-started");
    recordStart(host, row, started);
    faultPoint("start-recorded");
    // It may have ended, and its exit hook run, before we could record that it runs.
    if (options.attach === undefined && readExitRecord(containerPaths(host.root, host.runRoot, row.id).run) !== null) {
      const { reconcile } = await import("./reconcile.ts");
      await reconcile(host, row.id);
    }
    return { ...started, warnings };
  } catch (error) {
    await recordFailure(host, row, before, error);
    throw error;
  }
}

async function startFirst(
  host: ContainerHost,
  row: ContainerRow,
  settings: ContainerOptions,
  options: LaunchOptions,
): Promise<StartedProcess & { readonly warnings: readonly string[] }> {
  using _group = settings.resources?.cgroupParent ? (await import("./make-parented-group.ts")).makeParentedGroup(host, row) : null;
  const clocks = readHostClocks();
  const likeThis = earlierStart(host, row, { settings, clocks, ...options });
  const { started, input } = await startLike(
    {
      likeThis,
      makeInput: async () => (await import("./launch-input.ts")).launchInput(host, row, { ...options, clocks }),
      // What is not told with the plan must be told again by making the input.
      keepAs: (made) =>
        likeThis !== null && made.warnings.length === 0 ? likeThis : host.planCache?.entry(made, [row.id, ...anonymousVolumes(settings)]),
    },
    {
      launcher: host.launcher,
      label: row.id,
      tty: settings.tty ?? false,
      ...(options.onPlan === undefined ? {} : { onPlan: options.onPlan }),
    },
  );
  return { ...started, warnings: input?.warnings ?? [] };
}

/** Once more, if it failed because of what the image has in a place to mount on. @throws `error`, if not */
async function startCleared(
  host: ContainerHost,
  row: ContainerRow,
  { settings, options, error }: { readonly settings: ContainerOptions; readonly options: LaunchOptions; readonly error: unknown },
): ReturnType<typeof startFirst> {
  const { clearMountPoints } = await import("./clear-mount-points.ts");
  const idBase = settings.namespaces?.user === "auto" ? reserveIdRange(host.store, row.id) : null;
  if (!clearMountPoints(host, row, { error, idBase })) throw error;
  await prepareDirectories(host, row, settings);
  // The same plan, of which the caller has been told.
  const { onPlan: _told, ...others } = options;
  return startFirst(host, row, settings, others);
}

/** Names that are a container's own, like its id. */
function anonymousVolumes({ mounts = [] }: ContainerOptions): readonly string[] {
  return mounts.flatMap(({ volumeIsAnonymous, source }) => (volumeIsAnonymous === true && source !== undefined ? [source] : []));
}

function earlierStart(
  host: ContainerHost,
  row: ContainerRow,
  start: LaunchOptions & { readonly settings: ContainerOptions; readonly clocks: HostClocks },
): PlanCacheEntry | null {
  if (host.planCache === undefined) return null;
  const facts = startFacts(host, row, { ...start, untouched: start.accounts !== undefined });
  return facts === null ? null : host.planCache.entryOfFacts(facts, [row.id], { offsets: zeroClocks(start.clocks) });
}

async function prepareDirectories(host: ContainerHost, row: ContainerRow, settings: ContainerOptions): Promise<void> {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  host.cgroups.ensureRoot();
  try {
    mkdirSync(paths.run, { mode: 0o700 });
  } catch {
    // The run root itself is new after a boot; a run directory may be left of a launch that failed.
    await releaseRunning(host, row);
    mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  }
  faultPoint("run-directory-made");
  const files = managedFiles(settings, containerHostname(host.store, row, settings));
  writeManagedFile(paths.hosts, files.hosts);
  writeManagedFile(paths.hostname, files.hostname);
  writeManagedFile(paths.resolvConf, files.resolvConf);
  faultPoint("managed-files-written");
  const idBase = settings.namespaces?.user === "auto" ? reserveIdRange(host.store, row.id) : null;
  // Files of ours, but the container's root may change them, as those of the image.
  if (idBase !== null) for (const path of [paths.hosts, paths.hostname, paths.resolvConf]) chownSync(path, idBase, idBase);
  await prepareRootFilesystem(host, row, idBase);
  if (settings.mounts?.some(({ type }) => type === "volume") === true) await (await import("./fill-volumes.ts")).fillVolumes(host, row);
  for (const mount of settings.mounts ?? []) {
    if (mount.type === "bind" && mount.createSource === true && mount.source !== undefined && !existsSync(mount.source)) {
      mkdirSync(mount.source, { recursive: true });
    }
  }
}

/** Readable for every user of the container, whatever the caller's umask. */
function writeManagedFile(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o644 });
  if ((process.umask() & 0o644) !== 0) chmodSync(path, 0o644);
}

async function recordFailure(host: ContainerHost, row: ContainerRow, before: RowStatus, error: unknown): Promise<void> {
  const code = error instanceof EngineError ? error.code : "";
  const exitCode = code === "COMMAND_NOT_FOUND" ? 127 : code === "COMMAND_NOT_EXECUTABLE" ? 126 : 128;
  // A launcher that was killed could not end its child; that may not even notice.
  await host.cgroups.kill(row);
  await releaseRunning(host, row);
  moveContainer(host.store, {
    id: row.id,
    from: ["starting"],
    to: before === "exited" ? "exited" : "created",
    owner: host.owner,
    change: { owner: null, exitCode, error: error instanceof Error ? error.message : String(error) },
  });
  host.bell.ring();
}
