import type { ContainerHost } from "../containers/container-host.ts";
import type { ContainerUsage } from "../containers/container-usage.ts";
import type { ContainerDetails, ContainerSummary } from "../containers/container-view.ts";
import { reserveIdRange } from "../containers/id-range.ts";
import { launchContainer } from "../containers/launch-container.ts";
import { followProcess } from "../containers/follow-process.ts";
import { needsPlannedMounts, prepareContainer } from "../containers/prepare-container.ts";
import { busy, removeStopped } from "../containers/remove-container.ts";
import type { PlannedMounts } from "../containers/planned-mounts.ts";
import { requireRunning, requireStarted } from "../containers/require-status.ts";
import { storeContainer } from "../containers/store-container.ts";
import type { ContainerId } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { noSpaceError } from "../core/no-space.ts";
import { isBaseReference } from "../core/base-reference.ts";
import { hostArchitecture } from "../images/oci-image.ts";
import { resolveImage } from "../images/resolve-image.ts";
import type { RunnableImage } from "../images/runnable-image.ts";
import type { ContainerStats } from "../kernel/container-stats.ts";
import type { LogEntry, LogOptions } from "../kernel/log-entry.ts";
import type { AttachOptions, ProcessStreams } from "../kernel/process-streams.ts";
import type { ExplainedPlan } from "../plan/explained-plan.ts";
import type { ContainerOptions, ResourceOptions } from "../spec/container-options.ts";
import { validateOptions } from "../containers/validate-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { containerNotFound, findContainer, getContainer, moveContainer, renameContainer } from "../state/container-table.ts";
import type {
  ContainerArchive,
  ContainerPathStat,
  ContainerPruneReport,
  ContainerService,
  ExecRequest,
  ListOptions,
  StartOptions,
  StartResult,
  WriteArchiveOptions,
} from "./engine.ts";

/**
 * The containers of one data root on this host. What each operation does is in `src/containers/`; here they get their names and
 * order. What `run` does not need is loaded when it is asked for.
 */
export class LocalContainerService implements ContainerService {
  readonly #host: ContainerHost;
  readonly #makeBase: () => Promise<unknown>;

  /** `makeBase`: see ImageService.ensureBase. */
  constructor(host: ContainerHost, makeBase: () => Promise<unknown>) {
    this.#host = host;
    this.#makeBase = makeBase;
  }

  async create(options: ContainerOptions): Promise<{ readonly id: ContainerId; readonly warnings: readonly string[] }> {
    const image = await this.#image(options);
    const mounts = await plannedMounts(this.#host, options, image);
    const prepared = prepareContainer(mounts?.options ?? options, image);
    const warnings = await validateOptions(this.#host, prepared, image);
    const row = await storeContainer(this.#host, prepared, mounts);
    if (mounts !== undefined) await (await import("../containers/fill-volumes.ts")).fillNewContainer(this.#host, row);
    if (options.namespaces?.user === "auto") reserveIdRange(this.#host.store, row.id);
    this.#host.bell.ring();
    return { id: row.id, warnings: [...platformWarning(image), ...warnings] };
  }

  async start(reference: string, options: StartOptions = {}): Promise<StartResult> {
    const row = await this.#settled(reference);
    if (row.status === "running")
      throw new EngineError({ kind: "notModified", code: "CONTAINER_RUNNING", message: `container \`${row.name}\` is already running` });
    if (row.status === "paused") {
      throw new EngineError({
        kind: "conflict",
        code: "CONTAINER_PAUSED",
        message: `cannot start a paused container, try unpause instead: \`${row.name}\``,
      });
    }
    const claimed = moveContainer(this.#host.store, {
      id: row.id,
      from: ["created", "exited"],
      to: "starting",
      owner: null,
      change: { owner: this.#host.owner },
    });
    if (claimed) return this.#launch(row, options, {});
    if (getContainer(this.#host.store, row.id)?.status === "removing") throw busy(row, "start");
    // Somebody else was faster, or has its files mounted: what that leads to is what counts.
    const { waitUntilSettled } = await import("../containers/wait-container.ts");
    await waitUntilSettled(this.#host, row.id);
    return this.start(reference, options);
  }

  async run(options: ContainerOptions, start: StartOptions = {}): Promise<StartResult> {
    const image = await this.#image(options);
    const mounts = await plannedMounts(this.#host, options, image);
    const prepared = prepareContainer(mounts?.options ?? options, image);
    const row = await storeContainer(this.#host, { ...prepared, status: "starting", owner: this.#host.owner }, mounts);
    try {
      const accounts = { passwd: image.passwd, group: image.group };
      const started = await this.#launch({ ...row, status: "created" }, start, { accounts });
      return { ...started, warnings: [...platformWarning(image), ...started.warnings] };
    } catch (error) {
      // An option that is refused only now never made a container, as far as the user is concerned; nor did a full disk.
      const full = noSpaceError(error);
      const refused = full !== undefined || (error instanceof EngineError && refusals.includes(error.code));
      if (row.autoRemove || refused) {
        await removeStopped(this.#host, row, { volumes: true }).catch((failure: unknown) => {
          // No room even to remove it: it is then there, created, and told of by `ps`.
          if (full === undefined) throw failure;
        });
        throw full ?? error;
      }
      // The container is there, only not started: whoever keeps ids (`--cidfile`) is told which one.
      if (!(error instanceof EngineError)) throw error;
      const { kind, code, message, details } = error;
      throw new EngineError({ kind, code, message, details: { ...details, containerId: row.id }, cause: error });
    }
  }

  async stop(reference: string, options: { readonly timeoutSeconds?: number; readonly signal?: string } = {}): Promise<void> {
    const row = await this.#settled(reference);
    if (row.status !== "running" && row.status !== "paused") {
      throw new EngineError({
        kind: "notModified",
        code: "CONTAINER_NOT_RUNNING",
        message: `container \`${row.name}\` is already stopped`,
      });
    }
    const { stopContainer } = await import("../containers/stop-container.ts");
    await stopContainer(this.#host, row, options);
  }

  async kill(reference: string, signal: string): Promise<void> {
    const row = requireStarted(await this.#settled(reference), "kill");
    const { sendToContainer } = await import("../containers/stop-container.ts");
    await sendToContainer(this.#host, row, signal);
  }

  async pause(reference: string): Promise<void> {
    const row = requireRunning(await this.#settled(reference), "pause");
    const { pauseContainer } = await import("../containers/pause-container.ts");
    await pauseContainer(this.#host, row);
  }

  async unpause(reference: string): Promise<void> {
    const row = await this.#settled(reference);
    if (row.status !== "paused")
      throw new EngineError({ kind: "conflict", code: "CONTAINER_NOT_RUNNING", message: `Container ${row.id} is not paused` });
    const { unpauseContainer } = await import("../containers/pause-container.ts");
    await unpauseContainer(this.#host, row);
  }

  async remove(reference: string, options: { readonly force?: boolean; readonly volumes?: boolean } = {}): Promise<void> {
    const { removeContainer } = await import("../containers/remove-live-container.ts");
    await removeContainer(this.#host, findContainer(this.#host.store, reference), options);
  }

  async rename(reference: string, name: string): Promise<void> {
    const row = await this.#find(reference);
    const { checkName } = await import("../containers/prepare-container.ts");
    renameContainer(this.#host.store, row.id, checkName(name));
    this.#host.bell.ring();
  }

  async update(reference: string, resources: ResourceOptions): Promise<void> {
    const row = await this.#settled(reference);
    const { updateContainer } = await import("../containers/update-container.ts");
    updateContainer(this.#host, row, resources);
  }

  async prune(filters: Readonly<Record<string, readonly string[]>> = {}): Promise<ContainerPruneReport> {
    const { pruneContainers } = await import("../containers/prune-containers.ts");
    return pruneContainers(this.#host, filters);
  }

  async wait(
    reference: string,
    options: { readonly condition?: "not-running" | "next-exit" | "removed"; readonly signal?: AbortSignal } = {},
  ): Promise<number> {
    const { waitContainer } = await import("../containers/wait-container.ts");
    const code = await waitContainer(this.#host, findContainer(this.#host.store, reference), options);
    if (code === undefined) throw containerNotFound(reference);
    return code;
  }

  async list(options: ListOptions = {}): Promise<readonly ContainerSummary[]> {
    const { listSummaries } = await import("../containers/list-containers.ts");
    return listSummaries(this.#host, options);
  }

  async inspect(reference: string, options: { readonly size?: boolean } = {}): Promise<ContainerDetails> {
    const row = await this.#find(reference);
    const { detail } = await import("../containers/container-details.ts");
    const details = detail(this.#host, row);
    if (options.size !== true) return details;
    const { withSizes } = await import("../containers/container-sizes.ts");
    return { ...details, ...(await withSizes(this.#host, details)) };
  }

  async attach(reference: string, options: AttachOptions): Promise<ProcessStreams> {
    const row = requireStarted(await this.#settled(reference), "attach to");
    const { attachContainer } = await import("../containers/attach-container.ts");
    return attachContainer(this.#host, row, options);
  }

  async *logs(reference: string, options: LogOptions): AsyncIterable<LogEntry> {
    const row = await this.#find(reference);
    const { containerLogs } = await import("../containers/container-logs.ts");
    yield* containerLogs(this.#host, row, options);
  }

  async exec(reference: string, request: ExecRequest): Promise<ProcessStreams> {
    const row = requireRunning(await this.#settled(reference), "exec in");
    const { execInContainer } = await import("../containers/exec-container.ts");
    return execInContainer(this.#host, row, request);
  }

  async statPath(reference: string, path: string): Promise<ContainerPathStat> {
    const row = await this.#settled(reference);
    const { statContainerPath } = await import("../containers/copy-from-container.ts");
    return statContainerPath(this.#host, row, path);
  }

  async readArchive(reference: string, path: string): Promise<ContainerArchive> {
    const row = await this.#settled(reference);
    const { readContainerArchive } = await import("../containers/copy-from-container.ts");
    return readContainerArchive(this.#host, row, path);
  }

  async writeArchive(reference: string, path: string, tar: AsyncIterable<Uint8Array>, options: WriteArchiveOptions = {}): Promise<number> {
    const row = await this.#settled(reference);
    const { writeContainerArchive } = await import("../containers/copy-to-container.ts");
    return writeContainerArchive(this.#host, row, { path, tar, options });
  }

  async *export(reference: string): AsyncGenerator<Uint8Array> {
    const row = await this.#settled(reference);
    const { exportContainer } = await import("../containers/export-container.ts");
    yield* exportContainer(this.#host, row);
  }

  async diff(reference: string): Promise<readonly { readonly path: string; readonly kind: "added" | "changed" | "deleted" }[]> {
    const row = await this.#find(reference);
    const { containerChanges } = await import("../containers/container-changes.ts");
    return containerChanges(this.#host, row);
  }

  async usage(): Promise<readonly ContainerUsage[]> {
    const { containersUsage } = await import("../containers/container-usage.ts");
    return containersUsage(this.#host);
  }

  async top(
    reference: string,
    psArguments: readonly string[] = [],
  ): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }> {
    const row = requireStarted(await this.#find(reference), "list processes of");
    const { containerProcesses, processesByPs } = await import("../containers/container-processes.ts");
    return psArguments.length === 0 ? containerProcesses(this.#host, row) : processesByPs(this.#host, row, psArguments);
  }

  async stats(reference: string): Promise<ContainerStats> {
    return this.#host.cgroups.stats(await this.#find(reference));
  }

  async explain(reference: string): Promise<ExplainedPlan> {
    const row = await this.#find(reference);
    const { explainContainer } = await import("../containers/explain-container.ts");
    return explainContainer(this.#host, row);
  }

  async explainOptions(options: ContainerOptions): Promise<ExplainedPlan> {
    const image = await this.#image(options);
    const { explainContainer } = await import("../containers/explain-container.ts");
    const mounts = await plannedMounts(this.#host, options, image);
    return explainContainer(this.#host, prepareContainer(mounts?.options ?? options, image), { passwd: image.passwd, group: image.group });
  }

  /** The built-in base image is made when it is first asked for; any other must be there. */
  async #image({ image: reference, platform = "" }: ContainerOptions): Promise<RunnableImage> {
    const image = await this.#resolve(reference);
    if (image.foreignPlatform === undefined && platform === "") return image;
    return (await import("../images/runnable-platform.ts")).checkRunnable(image, { image: reference, platform });
  }

  async #resolve(reference: string): Promise<RunnableImage> {
    try {
      return resolveImage(this.#host.store, reference);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "IMAGE_NOT_FOUND") throw error;
      if (!isBaseReference(reference)) throw withRemedy(error);
      await this.#makeBase();
      return resolveImage(this.#host.store, reference);
    }
  }

  async #find(reference: string): Promise<ContainerRow> {
    const { reconcile } = await import("../containers/reconcile.ts");
    const row = await reconcile(this.#host, findContainer(this.#host.store, reference).id);
    if (row === undefined) throw containerNotFound(reference);
    return row;
  }

  /** For those who change it: not while somebody else is starting or ending it. */
  async #settled(reference: string): Promise<ContainerRow> {
    const row = await this.#find(reference);
    if (row.status !== "starting" && row.status !== "ending") return row;
    const { waitUntilSettled } = await import("../containers/wait-container.ts");
    const settled = await waitUntilSettled(this.#host, row.id);
    if (settled === undefined) throw containerNotFound(reference);
    return settled;
  }

  async #launch(
    row: ContainerRow,
    start: StartOptions,
    known: { readonly accounts?: { readonly passwd: string; readonly group: string } },
  ): Promise<StartResult> {
    const started = await launchContainer(this.#host, row, row.status, {
      ...(start.attach === undefined ? {} : { attach: start.attach }),
      ...(start.onPlan === undefined ? {} : { onPlan: start.onPlan }),
      ...known,
    });
    const result = { id: row.id, pid: started.pid, warnings: started.warnings };
    if (start.attach === undefined) {
      started.release();
      return result;
    }
    return { ...result, streams: followProcess(this.#host, row, started) };
  }
}

/** Found in options only once a container is made from them. */
const refusals: readonly string[] = ["INVALID_OPTION", "NO_SPACE", "USER_NOT_FOUND"];

/** For the few that have volumes, or images as mounts. */
async function plannedMounts(host: ContainerHost, options: ContainerOptions, image: RunnableImage): Promise<PlannedMounts | undefined> {
  if (!needsPlannedMounts(options, image)) return undefined;
  return (await import("../containers/plan-mounts.ts")).planMounts(host, options, image);
}

/** Docker's words. */
function platformWarning({ foreignPlatform }: RunnableImage): readonly string[] {
  if (foreignPlatform === undefined) return [];
  const host = `linux/${hostArchitecture()}`;
  return [
    `The requested image's platform (${foreignPlatform}) does not match the detected host platform (${host}) and no specific platform was requested`,
  ];
}

function withRemedy(error: EngineError): EngineError {
  const remedy =
    "`wherry images` lists what there is, `wherry pull` brings one from a registry, `wherry import` makes one of a tar archive, and `base` is made when it is asked for";
  return new EngineError({ kind: error.kind, code: error.code, message: `${error.message}: ${remedy}`, details: error.details });
}
