import type { ByteString } from "../core/byte-string.ts";
import { EngineError } from "../core/engine-error.ts";
import { type ErrnoName, errnoNumber } from "../core/errno.ts";
import { faultPoint } from "../core/fault-point.ts";
import { TreeSession } from "../kernel/tree-client.ts";
import { type TreeFd, treeFd } from "../kernel/tree-records.ts";
import { isEnding } from "../kernel/process-reference.ts";
import type { IdShift } from "../layers/diff.ts";
import { describeFailure } from "../plan/describe-failure.ts";
import { encodePlan } from "../plan/encode.ts";
import type { OciMount } from "../plan/oci-config.ts";
import { compileTreePlan, type TreePlanInput } from "../plan/tree-plan.ts";
import { idRangeSize } from "../spec/build-config.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerMounts } from "./container-mounts.ts";
import { StoppedClaim } from "./stopped-claim.ts";
import { findIdRange } from "./id-range.ts";
import { prepareRootFilesystem, rootFilesystem } from "./root-filesystem.ts";

/** A container's files, open for tree operations. */
export interface ContainerTree extends AsyncDisposable {
  readonly session: TreeSession;
  readonly root: TreeFd;
  /** Host ids from `from` on are the container's from 0 on. */
  readonly shift?: IdShift;
  /** Its mounts as configured, those of the kernel's file systems among them. */
  readonly mounts: readonly OciMount[];
  readonly running: boolean;
}

export interface ContainerTreeOptions {
  /** The root file system alone: what is mounted on it is left out, as if it were not there. */
  readonly alone?: boolean;
}

/** `treeFd(0)` is the session's stream. */
const root = treeFd(1);

/**
 * Opens a container's files: those of one that runs (or is paused) through its own mounts, those of one that doesn't by mounting them anew,
 * seen by nobody else; it can't be started or removed until the tree is closed. Whatever happens to this process, nothing is left.
 * @throws {EngineError} CONTAINER_BUSY, CONTAINER_NOT_FOUND, LAUNCH_FAILED
 */
export async function openContainerTree(
  host: ContainerHost,
  row: ContainerRow,
  options: ContainerTreeOptions = {},
): Promise<ContainerTree> {
  const idBase = findIdRange(host.store, row.id);
  const { all: mounts, pieces } = containerMounts(host, row, idBase);
  const alone = options.alone ?? false;
  const common = { root, mounts, ...(idBase === null ? {} : { shift: { from: idBase, count: idRangeSize } }) };
  if (row.status === "running" || row.status === "paused") {
    const process = { pid: row.pid, startTime: row.pidStart };
    try {
      const session = await openSession(host, { descriptor: root, target: { kind: "running", process, alone } });
      return { ...common, running: true, session, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
    } catch (error) {
      if (!isEnding(process)) throw error;
      // It has ended this very moment.
      const { waitUntilStopped } = await import("./stopped-claim.ts");
      return openContainerTree(host, await waitUntilStopped(host, row), options);
    }
  }
  const claim = await StoppedClaim.acquire(host, row);
  try {
    faultPoint("stopped-claimed");
    await prepareRootFilesystem(host, row, idBase);
    if (!alone && usesVolumes(row)) await (await import("./fill-volumes.ts")).fillVolumes(host, row);
    const session = await openSession(host, {
      descriptor: root,
      target: {
        kind: "stopped",
        rootfs: { ...rootFilesystem(host, row, idBase), volatile: false },
        features: host.features,
        mappings: idBase === null ? [] : [{ containerID: 0, hostID: idBase, size: idRangeSize }],
        pieces: alone ? null : pieces,
      },
    });
    faultPoint("stopped-mounted");
    const close = async (): Promise<void> => {
      await session[Symbol.asyncDispose]();
      claim.release();
    };
    return { ...common, running: false, session, [Symbol.asyncDispose]: close };
  } catch (error) {
    claim.release();
    throw error;
  }
}

/** The first question is answered once the plan is carried out; its failure is the plan's. */
async function openSession(host: ContainerHost, input: TreePlanInput): Promise<TreeSession> {
  const plan = compileTreePlan(input);
  const session = new TreeSession(host.launcher, [], { plan: encodePlan(plan), stream: true });
  try {
    await session.stat(root, "." as ByteString, { xattrs: false });
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    if (!(error instanceof EngineError) || error.code !== "TREE_FAILED") throw error;
    const { index, errno, detail } = error.details;
    throw describeFailure(plan, { index: Number(index), errno: errnoNumber(errno as ErrnoName), detail: String(detail) });
  }
}

function usesVolumes(row: ContainerRow): boolean {
  const { mounts = [] } = JSON.parse(row.options) as ContainerOptions;
  return mounts.some(({ type }) => type === "volume");
}
