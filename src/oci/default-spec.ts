import { maskedPaths, readonlyPaths } from "../core/hidden-paths.ts";
import { specVersion } from "./oci-version.ts";

/** The configuration that `spec` writes to start from: a shell on a terminal, with few capabilities, as runc's. */
export function defaultSpec() {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: specVersion,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "wherry",
    mounts: defaultMounts,
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
      maskedPaths,
      readonlyPaths,
    },
  };
}

/**
 * The same for a container that a user runs without being root: in a user namespace whose root is that user, with the host's network, which
 * nobody else could connect it to, and its `/sys`; without limits.
 */
export function rootlessSpec({ uid, gid }: { readonly uid: number; readonly gid: number }): object {
  const { linux, mounts, ...rest } = defaultSpec();
  const { resources: _, namespaces, ...restOfLinux } = linux;
  const kept = mounts.filter(({ destination }) => destination !== "/sys" && destination !== "/sys/fs/cgroup");
  return {
    ...rest,
    mounts: [
      ...kept.map(withoutForeignGroups),
      { destination: "/sys", type: "none", source: "/sys", options: ["rbind", ...plain, "ro"] },
      ...mounts.filter(({ destination }) => destination === "/sys/fs/cgroup"),
    ],
    linux: {
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      namespaces: [...namespaces.filter(({ type }) => type !== "network"), { type: "user" }],
      ...restOfLinux,
    },
  };
}

/** The user namespace has no group but the user's. */
function withoutForeignGroups(mount: DefaultMount): DefaultMount {
  return mount.options === undefined ? mount : { ...mount, options: mount.options.filter((option) => !/^[ug]id=/.test(option)) };
}

const plain = ["nosuid", "noexec", "nodev"];
interface DefaultMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options?: readonly string[];
}

const defaultMounts: readonly DefaultMount[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...plain, "mode=1777", "size=65536k"] },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: plain },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: [...plain, "ro"] },
  { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...plain, "relatime", "ro"] },
];
