import { EngineError } from "../core/engine-error.ts";
import { toHostId } from "./id-mapping.ts";
import type { OciConfig, OciIdMapping, OciLinux, OciNamespaceType, OciProcess } from "./oci-config.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { PlanInput } from "./plan-input.ts";
import type { Slot } from "./slot.ts";

/** What every topic of the compiler works on. */
export interface PlanContext {
  readonly plan: PlanBuilder;
  readonly input: PlanInput;
  readonly config: OciConfig;
  readonly linux: OciLinux;
  readonly process: OciProcess;
  /** Namespaces that are made, not joined and not the host's. */
  readonly own: ReadonlySet<OciNamespaceType>;
  /** Namespaces that are joined, with the path that names them. */
  readonly joined: ReadonlyMap<OciNamespaceType, string>;
  /** Of the user namespace that is made or joined; null without one. */
  readonly mappings: { readonly uid: readonly OciIdMapping[]; readonly gid: readonly OciIdMapping[] } | null;
  /** The container's root directory on the child's side. */
  readonly root: Slot;
  /** Slots that the parent fills and hands to the child in one message. */
  readonly gifts: Slot[];
  /** The two FIFOs of a process that is to wait for its start; null for one that executes at once. */
  readonly startPipes: { readonly start: Slot; readonly reply: Slot } | null;
}

/**
 * @throws {EngineError} CONFIG_INVALID when the configuration lacks what a Linux container can't be without.
 */
export function createPlanContext(input: PlanInput): PlanContext {
  const { config } = input;
  const linux = config.linux ?? {};
  if (config.process === undefined) throw configInvalid("`process` is missing");
  const own = new Set<OciNamespaceType>();
  const joined = new Map<OciNamespaceType, string>();
  for (const { type, path } of linux.namespaces ?? []) {
    if (own.has(type) || joined.has(type)) throw configInvalid(`namespace \`${type}\` is listed twice`);
    // The launcher is in there itself.
    if (type === "user" && (input.unprivileged?.enter ?? null) !== null) continue;
    if (path === undefined || path === "") own.add(type);
    else joined.set(type, path);
  }
  const uid = linux.uidMappings ?? input.joinedMappings?.uid ?? [];
  const gid = linux.gidMappings ?? input.joinedMappings?.gid ?? [];
  const hasUser = own.has("user") || joined.has("user");
  if (hasUser && (uid.length === 0 || gid.length === 0)) throw configInvalid("a user namespace needs `uidMappings` and `gidMappings`");
  const plan = new PlanBuilder();
  return {
    plan,
    input,
    config,
    linux,
    process: config.process,
    own,
    joined,
    mappings: hasUser ? { uid, gid } : null,
    root: plan.slot("root"),
    gifts: [],
    startPipes: input.startWait === undefined ? null : { start: plan.slot("start"), reply: plan.slot("reply") },
  };
}

/** The host's ids for a container's; an id that isn't mapped stands for the container's root. */
export function hostOwner(
  context: PlanContext,
  ids: { readonly uid: number; readonly gid: number },
): { readonly uid: number; readonly gid: number } {
  const uids = context.mappings?.uid ?? null;
  const gids = context.mappings?.gid ?? null;
  return { uid: toHostId(uids, ids.uid) ?? toHostId(uids, 0) ?? 0, gid: toHostId(gids, ids.gid) ?? toHostId(gids, 0) ?? 0 };
}

export function configInvalid(what: string): EngineError {
  return new EngineError({ kind: "invalidArgument", code: "CONFIG_INVALID", message: `container configuration: ${what}` });
}

export function configUnsupported(what: string): EngineError {
  return new EngineError({
    kind: "notImplemented",
    code: "CONFIG_UNSUPPORTED",
    message: `container configuration: ${what} is not supported`,
  });
}
