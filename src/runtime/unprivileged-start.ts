import { allowsSetgroups, type CallerRights } from "../kernel/caller-rights.ts";
import { detectCgroupLayout } from "../kernel/cgroup-layout.ts";
import { toHostId } from "../plan/id-mapping.ts";
import type { OciConfig, OciIdMapping } from "../plan/oci-config.ts";
import { configInvalid } from "../plan/plan-context.ts";
import type { ProcessReference, UnprivilegedStart } from "../plan/plan-input.ts";

/** How a container of somebody who is not the host's root starts. To be disposed of when it has started. */
export interface UnprivilegedEntry extends Disposable {
  readonly start: UnprivilegedStart;
}

/**
 * Null for the host's root. For root of a user namespace, that namespace; for anybody else, the one that the configuration asks for: made with
 * the caller's own ids alone by the launcher itself, with more by newuidmap(1).
 * @param running the container's process, for a further one in it
 * @throws {EngineError} CONFIG_INVALID, HOST_PROGRAM_MISSING, ID_MAPPING_FAILED
 */
export async function unprivilegedEntry(
  config: OciConfig,
  rights: CallerRights,
  running?: ProcessReference,
): Promise<UnprivilegedEntry | null> {
  if (rights === "root") return null;
  const common = { unifiedCgroups: detectCgroupLayout().mode === "v2" };
  if (rights === "namespace-root") return entry({ ...common, enter: null, setgroups: allowsSetgroups("self") });
  if (running !== undefined) return entry({ ...common, enter: { kind: "process", ...running }, setgroups: allowsSetgroups(running.pid) });
  const { namespaces = [], uidMappings: uid = [], gidMappings: gid = [] } = config.linux ?? {};
  const wanted = namespaces.find(({ type }) => type === "user");
  // runc's words.
  if (wanted === undefined) throw configInvalid("`linux.namespaces`: rootless containers require user namespaces");
  if (wanted.path !== undefined && wanted.path !== "") {
    const [, pid] = /^\/proc\/(\d+)\/ns\/user$/.exec(wanted.path) ?? [];
    return entry({ ...common, enter: { kind: "path", path: wanted.path }, setgroups: pid === undefined || allowsSetgroups(Number(pid)) });
  }
  requireOwnRoot("uidMappings", uid, process.geteuid?.() ?? 0);
  requireOwnRoot("gidMappings", gid, process.getegid?.() ?? 0);
  refuseUnmappedOwners(config);
  if (isSingle(uid) && isSingle(gid)) return entry({ ...common, enter: { kind: "new", uid, gid }, setgroups: false });
  const { makeMappedNamespace } = await import("../kernel/mapped-namespace.ts");
  const namespace = await makeMappedNamespace({ uid, gid });
  const enter = { kind: "process", ...namespace.process } as const;
  return {
    start: { ...common, enter, setgroups: allowsSetgroups(enter.pid) },
    [Symbol.dispose]: () => namespace[Symbol.dispose](),
  };
}

function entry(start: UnprivilegedStart): UnprivilegedEntry {
  return { start, [Symbol.dispose]: () => undefined };
}

/** The container's files, state included, are the caller's: only as root in there can the launcher work with them. */
function requireOwnRoot(name: "uidMappings" | "gidMappings", mappings: readonly OciIdMapping[], own: number): void {
  if (mappings.length === 0) throw configInvalid(`\`linux.${name}\`: rootless containers require at least one mapping`);
  if (toHostId(mappings, 0) === own) return;
  throw configInvalid(`\`linux.${name}\`: in a rootless container 0 has to be the caller's own id, ${own}`);
}

/** The kernel would say that the option is invalid, and not why: `spec` without --rootless writes `gid=5` for /dev/pts. In runc's words. */
function refuseUnmappedOwners({ mounts = [], linux }: OciConfig): void {
  const mappings = { uid: linux?.uidMappings ?? [], gid: linux?.gidMappings ?? [] };
  for (const { destination, options = [] } of mounts) {
    for (const option of options) {
      const [, kind, id] = /^([ug]id)=(\d+)$/.exec(option) ?? [];
      if ((kind === "uid" || kind === "gid") && toHostId(mappings[kind], Number(id)) === undefined)
        throw configInvalid(
          `\`${option}\` for \`${destination}\`: cannot specify ${kind}= mount options for unmapped ${kind} in rootless containers`,
        );
    }
  }
}

function isSingle([first, ...more]: readonly OciIdMapping[]): boolean {
  return first?.size === 1 && more.length === 0;
}
