import type { OciConfig, OciNamespaceType } from "../oci-config.ts";

/** The words of the specification, and with an `r` before them those of runc, which dockerd and podman write. */
const PROPAGATION = /^r?(?:private|shared|slave|unbindable)$/;

const IPC_SYSCTL = /^(?:kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;

/** What the specification demands of a configuration beyond its schema: the first breach, with its place. */
export function findBreach(config: OciConfig): string | undefined {
  const { linux = {}, process = { cwd: "/" } } = config;
  const namespaces = new Set((linux.namespaces ?? []).map(({ type }) => type));
  return (
    propagationBreach(linux.rootfsPropagation) ??
    rlimitBreach(process.rlimits ?? []) ??
    mappingBreach(linux, namespaces) ??
    offsetBreach(linux, namespaces) ??
    deviceBreach(linux.devices ?? []) ??
    sysctlBreach(linux.sysctl ?? {}, namespaces)
  );
}

function propagationBreach(word: string | undefined): string | undefined {
  if (word === undefined || word === "" || PROPAGATION.test(word)) return undefined;
  return `\`linux.rootfsPropagation\`: one of private, shared, slave, unbindable is meant, not ${JSON.stringify(word)}`;
}

/** @see config.md#posix-process: duplicates MUST be an error */
function rlimitBreach(limits: readonly { readonly type: string }[]): string | undefined {
  const index = limits.findIndex(({ type }, at) => limits.findIndex((other) => other.type === type) < at);
  return index < 0 ? undefined : `\`process.rlimits[${index}].type\`: ${limits[index]?.type ?? ""} is there twice`;
}

function mappingBreach(linux: NonNullable<OciConfig["linux"]>, namespaces: ReadonlySet<OciNamespaceType>): string | undefined {
  if (namespaces.has("user")) return undefined;
  const field = (["uidMappings", "gidMappings"] as const).find((name) => (linux[name]?.length ?? 0) > 0);
  return field === undefined ? undefined : `\`linux.${field}\`: there is no user namespace to map ids in`;
}

/** The numbers' ranges are those of the kernel's dev_t. @see config-linux.md#devices */
function deviceBreach(devices: NonNullable<NonNullable<OciConfig["linux"]>["devices"]>): string | undefined {
  for (const [index, { path, type, major, minor }] of devices.entries()) {
    const place = `linux.devices[${index}]`;
    if (!/^\/[^/]/.test(path) || path.split("/").includes(".."))
      return `\`${place}.path\`: an absolute path is meant, not ${JSON.stringify(path)}`;
    if (type === "p") continue;
    if (major === undefined || major < 0 || major > 0xfff) return `\`${place}.major\`: a number from 0 to 4095 is needed`;
    if (minor === undefined || minor < 0 || minor > 0xf_ffff) return `\`${place}.minor\`: a number from 0 to 1048575 is needed`;
  }
  return undefined;
}

/** A time namespace that is joined has its clocks already. */
function offsetBreach(
  { timeOffsets = {}, namespaces = [] }: NonNullable<OciConfig["linux"]>,
  kinds: ReadonlySet<OciNamespaceType>,
): string | undefined {
  if (Object.keys(timeOffsets).length === 0) return undefined;
  const made = kinds.has("time") && namespaces.some(({ type, path = "" }) => type === "time" && path === "");
  return made ? undefined : "`linux.timeOffsets`: there is no time namespace of the container's own";
}

/** One that belongs to no namespace of the container's would change the host. */
function sysctlBreach(sysctls: Readonly<Record<string, string>>, namespaces: ReadonlySet<OciNamespaceType>): string | undefined {
  for (const given of Object.keys(sysctls)) {
    const name = given.includes("/") && !given.split("/")[0]?.includes(".") ? given.replaceAll("/", ".") : given;
    const owner = ownerOf(name);
    if (owner === undefined || name.split(/[./]/).includes(""))
      return `\`linux.sysctl.${given}\`: it belongs to no namespace and would change the host`;
    if (owner === "hostname") return `\`linux.sysctl.${given}\`: \`hostname\` sets it`;
    if (!namespaces.has(owner))
      return `\`linux.sysctl.${given}\`: it takes ${owner === "ipc" ? "an" : "a"} ${owner} namespace, and would change the host`;
  }
  return undefined;
}

function ownerOf(name: string): OciNamespaceType | "hostname" | undefined {
  if (name.startsWith("net.")) return "network";
  if (IPC_SYSCTL.test(name)) return "ipc";
  if (name === "kernel.domainname") return "uts";
  return name === "kernel.hostname" ? "hostname" : undefined;
}
