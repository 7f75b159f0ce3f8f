import { prepareBind } from "./bind-mounts.ts";
import { AT, CLONE, MS, O } from "./kernel-flags.ts";
import { prepareLayerMount } from "./layer-mounts.ts";
import { parseMountOptions } from "./mount-options.ts";
import { MountTargets } from "./mount-targets.ts";
import { slotName } from "./mounts.ts";
import type { OciIdMapping, OciMount } from "./oci-config.ts";
import type { LaunchPlan, OperationArguments, OperationName, Section } from "./operations.ts";
import { PlanBuilder, type StepNotes } from "./plan-builder.ts";
import type { PlanContext } from "./plan-context.ts";
import type { HostFeatures, PlanInput, ProcessReference, RootFilesystem } from "./plan-input.ts";
import { createRootFilesystem } from "./rootfs.ts";
import type { Slot } from "./slot.ts";
import { formatIdMap } from "./id-mapping.ts";

/** Whose files are meant, and under which number the tree operations find their root. */
export interface TreePlanInput {
  /** At least 4. */
  readonly descriptor: number;
  readonly target: RunningTree | StoppedTree;
}

/** As a process sees them. */
export interface RunningTree {
  readonly kind: "running";
  readonly process: ProcessReference;
  /** The root file system alone, what is mounted on it left out. */
  readonly alone: boolean;
}

/** As they would be mounted for a start, in a mount namespace that lives as long as the tree operations. */
export interface StoppedTree {
  readonly kind: "stopped";
  readonly rootfs: RootFilesystem;
  readonly features: HostFeatures;
  /** Of its user namespace; empty without one. */
  readonly mappings: readonly OciIdMapping[];
  /** Null: nothing is mounted on its root file system. */
  readonly pieces: MountedPieces | null;
}

/** Binds, and layers of images; the rest as in PlanInput. */
export interface MountedPieces extends Pick<PlanInput, "fileMounts" | "entryMounts" | "subpaths" | "layerMounts"> {
  readonly mounts: readonly OciMount[];
}

/**
 * A plan that starts nothing: the launcher opens or mounts a container's files and serves tree operations on them. Nothing of that is seen
 * by the host, and nothing is left when the launcher ends, however it does. Pure.
 * @throws {EngineError} CONFIG_INVALID, CONFIG_UNSUPPORTED
 */
export function compileTreePlan({ descriptor, target }: TreePlanInput): LaunchPlan {
  const plan = new HostPlanBuilder();
  const root = plan.slot("root");
  if (target.kind === "running") openRunning(plan, root, target);
  else mountStopped(plan, root, target);
  plan.host("SERVE", [root, descriptor], { why: "tree operations on it, until the client closes" });
  return plan.build();
}

/** Without a child there are no sections: everything is done by the launcher, in the order of the calls. */
class HostPlanBuilder extends PlanBuilder {
  override add<Name extends OperationName>(_section: Section, name: Name, args: OperationArguments<Name>, notes: StepNotes): void {
    super.add("host", name, args, notes);
  }
}

function openRunning(plan: PlanBuilder, root: Slot, { process, alone }: RunningTree): void {
  const target = plan.slot("target");
  const own = plan.slot("own-mnt");
  plan.host("PIDFD", [process.pid, process.startTime, target], {
    why: "the container's process, and no later one with its pid",
    doing: "find the container's process",
  });
  plan.host("OPEN", [null, "/proc/self/ns/mnt", O.O_CLOEXEC, 0, 0, own], { why: "the launcher's own mount namespace, to come back to" });
  plan.host("SETNS", [target, CLONE.CLONE_NEWNS], { why: "its mounts, and its root", doing: "join the container's mount namespace" });
  if (alone) plan.host("TREE", [null, "/", 0, root], { why: "a copy of the root's mount, without those on it" });
  else plan.host("OPEN", [null, "/", O.O_PATH | O.O_CLOEXEC, 0, 0, root], { why: "the root of all lookups" });
  plan.host("SETNS", [own, CLONE.CLONE_NEWNS], { why: "back" });
}

const encoder = new TextEncoder();

function mountStopped(plan: PlanBuilder, root: Slot, target: StoppedTree): void {
  const { rootfs, features, mappings, pieces } = target;
  const { mounts, ...places } = pieces ?? { mounts: [], fileMounts: [] };
  const context: PlanContext = {
    plan,
    root,
    input: { config: { ociVersion: "1.2.0" }, ...places, rootfs, features, ...nothingElse },
    config: { ociVersion: "1.2.0" },
    linux: {},
    process: { cwd: "/" },
    own: new Set(["mount"]),
    joined: new Map(),
    mappings: mappings.length === 0 ? null : { uid: mappings, gid: mappings },
    gifts: [],
    startPipes: null,
  };
  plan.host("UNSHARE", [CLONE.CLONE_NEWNS], { why: "a mount namespace of its own, unseen by the host and gone with the launcher" });
  plan.host("ATTR", [null, "/", AT.AT_RECURSIVE, 0, 0, MS.MS_PRIVATE, null], { why: "nothing mounted here leaves it" });
  const userns = mappings.length === 0 || !features.idmappedMounts ? null : mapping(plan, mappings);
  createRootFilesystem(context, userns);
  if (mounts.length === 0) return;
  const prepared = mounts.map((mount) => {
    const { destination } = mount;
    const layers = places.layerMounts?.[destination];
    if (layers !== undefined) return prepareLayerMount(context, { mount, destination, layers, userns });
    return prepareBind(context, { mount, destination, options: parseMountOptions(mount.options), userns });
  });
  plan.host("MOVE", [root, null, "/"], { why: "only on what is attached something can be mounted", doing: "attach the root file system" });
  const targets = new MountTargets(context);
  for (const { destination, slot, file } of prepared) {
    if (slot === null) continue;
    const notes = { why: `at ${destination}`, doing: `mount \`${destination}\`` };
    if (file && places.entryMounts?.includes(destination) === true) {
      const place = plan.slot(`${slotName(destination)}-place`);
      targets.entry(destination, place);
      plan.host("MOVE", [slot, place, ""], notes);
    } else {
      if (file) targets.file(destination);
      else targets.directory(destination);
      plan.host("MOVE", [slot, root, destination], notes);
    }
    targets.covered(destination);
  }
}

function mapping(plan: PlanBuilder, mappings: readonly OciIdMapping[]): Slot {
  const slot = plan.slot("userns");
  const map = encoder.encode(formatIdMap(mappings));
  plan.host("USERNS", [map, map, slot], { why: "a user namespace that only stands for the mapping of ids", doing: "make the id mapping" });
  return slot;
}

const nothingElse = {
  cgroups: null,
  monitor: null,
  joins: {},
  terminal: { rows: 0, columns: 0 },
  reaper: false,
} as const;
