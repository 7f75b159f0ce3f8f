import { invalidOption } from "../core/invalid-option.ts";
import type { OciMount } from "../plan/oci-config.ts";
import type { ContainerOptions, MountOption } from "./container-options.ts";

/** What the mounts depend on besides the options. */
export interface MountContext {
  /** Host paths of the managed files. */
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  readonly userNamespace: boolean;
  /** `/proc/PID/root/dev/shm` of the container whose ipc namespace is joined. */
  readonly joinedShm: string | null;
  /** The mounts of volumes and images, by destination (`volume-mount.ts`): few containers have any. */
  readonly found?: ReadonlyMap<string, OciMount>;
  /** How the ids of binds' files are mapped, where that was asked for, by destination. */
  readonly idMaps?: ReadonlyMap<string, Pick<OciMount, "uidMappings" | "gidMappings">>;
}

const defaultShmBytes = 64 * 1024 * 1024;

/** Of the managed files, or what a user has put in their place. */
export const managedDestinations: readonly string[] = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];

/** The OCI default mounts in docker's form, then the user's, parents before children; the managed files last: `/etc` may be the user's. */
export function buildMounts(options: ContainerOptions, context: MountContext): OciMount[] {
  const user = userMounts(options, context);
  const taken = new Set(user.map((mount) => mount.destination));
  const sources = [context.resolvConf, context.hostname, context.hosts];
  // As docker: a root that can't be written has no files in it that can.
  const access = options.readonlyRootfs === true ? "ro" : "rw";
  const managed = managedDestinations.map((path, at) => file(path, sources[at] ?? "", access));
  return [...kernelMounts(options, context), ...user.sort((a, b) => depth(a) - depth(b)), ...managed].filter(
    (mount) => user.includes(mount) || !taken.has(mount.destination),
  );
}

function kernelMounts(options: ContainerOptions, context: MountContext): OciMount[] {
  const { namespaces = {}, privileged = false } = options;
  const access = privileged ? "rw" : "ro";
  // sysfs can only be mounted by the owner of the network namespace; a user namespace owns its own one alone.
  const foreignNetwork = context.userNamespace && (namespaces.network === "host" || (namespaces.network ?? "").startsWith("container:"));
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    foreignNetwork
      ? // Without what the host has mounted beneath: its control groups, debugfs, bpf.
        { destination: "/sys", type: "bind", source: "/sys", options: ["bind", "nosuid", "noexec", "nodev", access] }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", access] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [access, "nosuid", "noexec", "nodev"] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    ...sharedMemory(options, context),
  ];
}

function sharedMemory(options: ContainerOptions, context: MountContext): OciMount[] {
  const mode = options.namespaces?.ipc ?? "private";
  if (mode === "none") return [];
  const bind = (source: string): OciMount => ({
    destination: "/dev/shm",
    type: "bind",
    source,
    options: ["rbind", "nosuid", "noexec", "nodev"],
  });
  if (mode === "host") return [bind("/dev/shm")];
  if (context.joinedShm !== null) return [bind(context.joinedShm)];
  // To tmpfs, no bytes would mean no limit; to docker, "not said".
  const size = options.shmSizeBytes || defaultShmBytes;
  return [{ destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${size}`] }];
}

function userMounts(options: ContainerOptions, context: MountContext): OciMount[] {
  const seen = new Set<string>();
  return (options.mounts ?? []).map((mount) => {
    const destination = cleanPath(mount.target);
    if (!destination.startsWith("/")) throw invalidOption(`invalid mount target \`${mount.target}\`: it must be an absolute path`);
    if (destination === "/") throw invalidOption("invalid mount target `/`: the root can't be mounted over");
    if (seen.has(destination)) throw invalidOption(`Duplicate mount point: ${destination}`);
    seen.add(destination);
    if (mount.type === "tmpfs") return tmpfs(mount, destination);
    if (mount.type === "bind") return bind(mount, destination, context);
    const found = context.found?.get(destination);
    if (found === undefined) throw new Error(`nobody has looked up the ${mount.type} for ${destination}`);
    return found;
  });
}

function bind(mount: MountOption, destination: string, context: MountContext): OciMount {
  const source = mount.source ?? "";
  if (!source.startsWith("/")) throw invalidOption(`invalid mount source \`${source}\`: an absolute path is meant`);
  return {
    destination,
    type: "bind",
    source,
    options: [
      mount.nonRecursive === true ? "bind" : "rbind",
      // All that lies beneath is read-only too, as with docker since version 25.
      mount.readonly !== true ? "rw" : mount.nonRecursive === true || mount.recursiveReadonly === "writable" ? "ro" : "rro",
      mount.propagation ?? "rprivate",
      ...(mount.options ?? []),
    ],
    ...context.idMaps?.get(destination),
  };
}

function tmpfs(mount: MountOption, destination: string): OciMount {
  const options = ["nosuid", "nodev", "noexec"].filter((word) => !(mount.options ?? []).includes(word.slice(2)));
  return {
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: [
      ...options,
      ...(mount.readonly === true ? ["ro"] : []),
      ...(mount.tmpfsSizeBytes === undefined ? [] : [`size=${mount.tmpfsSizeBytes}`]),
      ...(mount.tmpfsMode === undefined ? [] : [`mode=${mount.tmpfsMode.toString(8)}`]),
      ...(mount.options ?? []).filter((word) => word !== "exec" && word !== "suid" && word !== "dev"),
    ],
  };
}

function file(destination: string, source: string, access: "ro" | "rw"): OciMount {
  return { destination, type: "bind", source, options: ["bind", "rprivate", ...(access === "ro" ? [access] : [])] };
}

function depth(mount: OciMount): number {
  return mount.destination.split("/").length;
}

/** Without `.`, `..`, doubled and trailing slashes, as docker cleans mount targets. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `${path.startsWith("/") ? "/" : ""}${parts.join("/")}`;
}
