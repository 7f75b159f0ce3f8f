import { formatIdMap } from "./id-mapping.ts";
import { AT, CLONE, MOUNT_ATTR, MS, O } from "./kernel-flags.ts";
import { openSubpath } from "./subpath.ts";
import type { MountOptions } from "./mount-options.ts";
import { slotName, type PreparedMount } from "./mounts.ts";
import type { OciIdMapping, OciMount } from "./oci-config.ts";
import { configInvalid, type PlanContext } from "./plan-context.ts";
import type { ProcessReference } from "./plan-input.ts";
import type { Slot } from "./slot.ts";

interface Bind {
  readonly mount: OciMount;
  readonly destination: string;
  readonly options: MountOptions;
  readonly userns: Slot | null;
}

/** PARENT: a detached copy of a piece of the host's tree, with its attributes and propagation, ready to be attached inside. */
export function prepareBind(context: PlanContext, bind: Bind): PreparedMount {
  const { mount, destination, options } = bind;
  const source = hostSource(context, mount.source ?? "", destination);
  const slot = context.plan.slot(slotName(destination));
  const doing = `bind \`${source}\` on \`${destination}\``;
  const recursive = options.recursiveBind || mount.options?.includes("bind") !== true;
  const subpath = context.input.subpaths?.[mount.destination];
  if (subpath === undefined) copyTree(context, { source, recursive, slot, doing });
  else copySubtree(context, { source, recursive, slot, doing }, subpath);
  setAttributes(context, slot, bind, doing);
  mapFiles(context, slot, bind);
  context.gifts.push(slot);
  return { destination, kind: `\`${source}\``, slot, file: context.input.fileMounts.includes(mount.destination) };
}

/** Relative paths start at the bundle; `/proc/self` is whoever asked for the container, not the launcher. */
function hostSource({ input }: PlanContext, source: string, destination: string): string {
  if (source === "") throw configInvalid(`the bind mount on \`${destination}\` has no source`);
  if (!source.startsWith("/")) {
    if (input.identity === undefined) throw configInvalid(`the source \`${source}\` of the bind mount on \`${destination}\` is relative`);
    return `${input.identity.bundle}/${source}`;
  }
  const own = /^\/(?:proc\/(?:thread-)?self|dev)(\/fd\/\d+.*)$/.exec(source)?.[1];
  return own === undefined || input.clientPid === undefined ? source : `/proc/${input.clientPid}${own}`;
}

interface Copy {
  readonly source: string;
  readonly recursive: boolean;
  readonly slot: Slot;
  readonly doing: string;
}

function copyTree(context: PlanContext, { source, recursive, slot, doing }: Copy): void {
  const flags = recursive ? AT.AT_RECURSIVE : 0;
  const elsewhere = /^\/proc\/(\d+)\/root(\/.*)$/.exec(source);
  const reference = Object.values(context.input.joins).find(({ pid }) => `${pid}` === elsewhere?.[1]);
  if (reference === undefined) {
    context.plan.parent("TREE", [null, source, flags, slot], { why: `${source}, detached from the host's tree`, doing });
    return;
  }
  copyForeignTree(context, { source: elsewhere?.[2] ?? "/", recursive, slot, doing }, reference);
}

/** What lies in the source is a container's doing: whatever it changes meanwhile, the copy is of something beneath. */
function copySubtree(context: PlanContext, { source, recursive, slot, doing }: Copy, subpath: string): void {
  const { plan } = context;
  const base = plan.slot(`${slot.name}-source`);
  plan.parent("OPEN", [null, source, O.O_PATH | O.O_CLOEXEC, 0, 0, base], { why: `${source}, to look beneath it`, doing });
  const found = openSubpath(context, { base, subpath, of: source });
  plan.parent("TREE", [found, "", AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0), slot], {
    why: "what was found, detached from the host's tree",
    doing,
  });
  plan.parent("CLOSE", [[base, found]], { why: "no longer needed" });
}

/** open_tree(2) refuses to copy a mount of another mount namespace (EINVAL), so the launcher goes there for it. */
function copyForeignTree(context: PlanContext, copy: Copy, reference: ProcessReference): void {
  const { plan } = context;
  const process = plan.slot("mounts-of");
  const own = plan.slot("own-mnt");
  plan.parent("PIDFD", [reference.pid, reference.startTime, process], {
    why: "the container whose mount is shared, and no later process with its pid",
  });
  plan.parent("OPEN", [null, "/proc/self/ns/mnt", O.O_CLOEXEC, 0, 0, own], { why: "the launcher's own mount namespace, to come back to" });
  plan.parent("SETNS", [process, CLONE.CLONE_NEWNS], { why: "a mount can only be copied from within its namespace" });
  plan.parent("TREE", [null, copy.source, copy.recursive ? AT.AT_RECURSIVE : 0, copy.slot], {
    why: `the other container's ${copy.source}`,
    doing: copy.doing,
  });
  plan.parent("SETNS", [own, CLONE.CLONE_NEWNS], { why: "back" });
}

function setAttributes(context: PlanContext, slot: Slot, { options }: Bind, doing: string): void {
  const { attributes, recursiveAttributes } = options;
  const propagation = options.propagation === 0 ? MS.MS_PRIVATE : options.propagation;
  const recursivePropagation = options.propagation === 0 || options.recursivePropagation;
  const both = recursiveAttributes.set !== 0 || recursiveAttributes.clear !== 0 || recursivePropagation;
  if (both) {
    context.plan.parent(
      "ATTR",
      [
        slot,
        "",
        AT.AT_EMPTY_PATH | AT.AT_RECURSIVE,
        recursiveAttributes.set,
        recursiveAttributes.clear,
        recursivePropagation ? propagation : 0,
        null,
      ],
      {
        why: recursivePropagation ? "how mounts spread between host and container, for all beneath" : "for all beneath",
        doing,
      },
    );
  }
  if (attributes.set !== 0 || attributes.clear !== 0 || !recursivePropagation) {
    context.plan.parent(
      "ATTR",
      [slot, "", AT.AT_EMPTY_PATH, attributes.set, attributes.clear, recursivePropagation ? 0 : propagation, null],
      { why: "the mount's own attributes", doing },
    );
  }
}

function mapFiles(context: PlanContext, slot: Slot, { mount, options, userns, destination }: Bind): void {
  const wanted = options.idmap || mount.uidMappings !== undefined || mount.gidMappings !== undefined;
  if (!wanted) return;
  const own = sameMapping(mount.uidMappings, context.mappings?.uid) && sameMapping(mount.gidMappings, context.mappings?.gid);
  const mapping = own && userns !== null ? userns : makeMapping(context, own ? { ...mount, ...ownMapping(context) } : mount, destination);
  const flags = AT.AT_EMPTY_PATH | (options.recursiveIdmap ? AT.AT_RECURSIVE : 0);
  context.plan.parent("ATTR", [slot, "", flags, MOUNT_ATTR.MOUNT_ATTR_IDMAP, 0, 0, mapping], {
    why: mapping === userns ? "its files appear with the container's ids" : "its files appear with the ids of a mapping of its own",
    doing: `map the ids of \`${mount.source ?? ""}\` for \`${destination}\` (its file system must support id-mapped mounts)`,
  });
}

const encoder = new TextEncoder();

/** The container's, which no descriptor is at hand for where its root file system can't be mapped. */
function ownMapping({ mappings }: PlanContext): Pick<OciMount, "uidMappings" | "gidMappings"> {
  return mappings === null ? {} : { uidMappings: mappings.uid, gidMappings: mappings.gid };
}

/** PARENT: the kernel takes a mapping in the form of a user namespace. */
function makeMapping(context: PlanContext, { uidMappings = [], gidMappings = [] }: OciMount, destination: string): Slot {
  if (uidMappings.length === 0 || gidMappings.length === 0)
    throw configInvalid(`the id mapping of the mount on \`${destination}\` needs \`uidMappings\` and \`gidMappings\`, or a user namespace`);
  const slot = context.plan.slot("mapping");
  context.plan.parent("USERNS", [encoder.encode(formatIdMap(uidMappings)), encoder.encode(formatIdMap(gidMappings)), slot], {
    why: "a user namespace that only stands for the mount's mapping",
    doing: `make the id mapping of \`${destination}\``,
  });
  return slot;
}

function sameMapping(given: readonly OciIdMapping[] | undefined, own: readonly OciIdMapping[] | undefined): boolean {
  return given === undefined || JSON.stringify(given) === JSON.stringify(own);
}
