import type { HostPath } from "../../core/brands.ts";
import { compileSeccomp } from "../seccomp/compile-seccomp.ts";
import { ALL_CAPABILITIES, capabilityNames } from "../capability-bits.ts";
import type { OciConfig, OciLinux, OciMount, OciNamespace, OciProcess } from "../oci-config.ts";
import type { CgroupPlan, HostFeatures, MonitorInput, PlanInput, ProcessReference } from "../plan-input.ts";

/** The host paths that a sample plan names. Golden tests take made-up ones, integration tests real ones. */
export interface SampleHost {
  readonly lowers: readonly string[];
  /** Holds `upper`, `work`, `links`, `run`, and `hosts`, a file. */
  readonly directory: string;
  /** A bundle's root file system. */
  readonly bundle: string;
  readonly cgroups: CgroupPlan | null;
  readonly features: HostFeatures;
  readonly target: ProcessReference;
  readonly command: readonly string[];
  /** Host ids that the user namespace maps to. */
  readonly idBase: number;
}

const NAMESPACES: readonly OciNamespace["type"][] = ["mount", "uts", "ipc", "pid", "network", "cgroup", "time"];
const DEFAULT_CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

const MASKED = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/scsi",
  "/proc/timer_list",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];
const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export const SAMPLE_FEATURES: HostFeatures = {
  overlayLowerdirPlus: true,
  capabilities: ALL_CAPABILITIES,
  apparmor: false,
  apparmorDefault: false,
  architecture: "x86_64",
  timeNamespaces: true,
  idmappedMounts: true,
};

function mounts(host: SampleHost, privileged: boolean): OciMount[] {
  const access = privileged ? "rw" : "ro";
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", access] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [access, "nosuid", "noexec", "nodev"] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"] },
    { destination: "/etc/hosts", type: "bind", source: `${host.directory}/hosts`, options: ["bind", "rprivate"] },
  ];
}

function monitor(host: SampleHost): MonitorInput {
  return {
    runDirectory: `${host.directory}/run` as HostPath,
    logPath: `${host.directory}/run/log` as HostPath,
    logMaxBytes: 10_485_760,
    logMaxFiles: 3,
    attach: { stdin: false, stdout: true, stderr: true, claimExit: true },
    openStdin: false,
    stdinOnce: false,
    listen: true,
    lagBytes: 1_048_576,
    exitHook: null,
  };
}

interface Change {
  readonly process?: Partial<OciProcess>;
  readonly linux?: Partial<OciLinux>;
  readonly config?: Partial<OciConfig>;
  readonly mounts?: readonly OciMount[];
  readonly input?: Partial<PlanInput>;
}

function sample(host: SampleHost, change: Change): PlanInput {
  const process: OciProcess = {
    cwd: "/",
    args: host.command,
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=wherry"],
    user: { uid: 0, gid: 0 },
    capabilities: { bounding: DEFAULT_CAPABILITIES, effective: DEFAULT_CAPABILITIES, permitted: DEFAULT_CAPABILITIES },
    ...change.process,
  };
  const linux: OciLinux = {
    namespaces: NAMESPACES.map((type) => ({ type })),
    sysctl: { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" },
    maskedPaths: MASKED,
    readonlyPaths: READONLY,
    timeOffsets: { monotonic: { secs: -1 }, boottime: { secs: -1 } },
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["reboot"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }] },
    ...change.linux,
  };
  return {
    config: {
      ociVersion: "1.2.0",
      process,
      root: { path: "rootfs" },
      hostname: "wherry",
      mounts: [...mounts(host, false), ...(change.mounts ?? [])],
      linux,
      ...change.config,
    },
    fileMounts: ["/etc/hosts"],
    entryMounts: ["/etc/hosts"],
    rootfs: {
      kind: "overlay",
      lowers: host.lowers as readonly HostPath[],
      upper: `${host.directory}/upper` as HostPath,
      work: `${host.directory}/work` as HostPath,
      links: `${host.directory}/links` as HostPath,
    },
    features: host.features,
    cgroups: host.cgroups,
    monitor: monitor(host),
    ...(linux.seccomp === undefined ? {} : { seccompProgram: compileSeccomp(linux.seccomp, host.features.architecture) }),
    joins: {},
    terminal: { rows: 24, columns: 80 },
    reaper: false,
    ...change.input,
  };
}

const without = (...kinds: readonly string[]): { namespaces: OciNamespace[] } => ({
  namespaces: NAMESPACES.filter((type) => !kinds.includes(type)).map((type) => ({ type })),
});

/** One input for each way in which plans differ. */
export function samplePlanInputs(host: SampleHost): Readonly<Record<string, PlanInput>> {
  const mapping = [{ containerID: 0, hostID: host.idBase, size: 65_536 }];
  const userNamespace: Change = {
    linux: {
      namespaces: [...NAMESPACES.map((type) => ({ type })), { type: "user" as const }],
      uidMappings: mapping,
      gidMappings: mapping,
      sysctl: { "net.ipv4.ip_unprivileged_port_start": "0" },
    },
  };
  const allNames = capabilityNames(ALL_CAPABILITIES);
  return {
    default: sample(host, {}),
    tty: sample(host, {
      process: { terminal: true },
      input: {
        monitor: { ...monitor(host), openStdin: true, attach: { stdin: true, stdout: true, stderr: false, claimExit: true } },
        reaper: true,
      },
    }),
    userns: sample(host, userNamespace),
    "host-namespaces": sample(host, {
      linux: { ...without("uts", "ipc", "pid", "network", "cgroup", "time"), sysctl: {} },
      config: { hostname: "" },
    }),
    "read-only": sample(host, {
      config: { root: { path: "rootfs", readonly: true } },
      mounts: [{ destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "noexec"] }],
    }),
    privileged: sample(host, {
      process: { capabilities: { bounding: allNames, effective: allNames, permitted: allNames } },
      linux: {
        maskedPaths: [],
        readonlyPaths: [],
        devices: [
          { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 },
          { path: "/dev/net/tun", type: "c", major: 10, minor: 200, fileMode: 0o666 },
        ],
      },
      config: { mounts: mounts(host, true) },
    }),
    binds: sample(host, {
      mounts: [
        { destination: "/data", type: "bind", source: `${host.directory}/volume`, options: ["rbind", "rw", "rprivate"] },
        { destination: "/data/config", type: "bind", source: `${host.directory}/hosts`, options: ["rbind", "ro", "rprivate"] },
        { destination: "/mnt/shared", type: "bind", source: `${host.directory}/volume`, options: ["bind", "rro", "nosuid", "slave"] },
      ],
      input: { fileMounts: ["/etc/hosts", "/data/config"] },
    }),
    user: sample(host, {
      process: {
        cwd: "/home/user/new",
        user: { uid: 1000, gid: 1000, additionalGids: [10, 20], umask: 0o027 },
        noNewPrivileges: true,
        oomScoreAdj: 500,
        rlimits: [{ type: "RLIMIT_NOFILE", soft: 512, hard: 1024 }],
        capabilities: { bounding: DEFAULT_CAPABILITIES },
      },
      input: {
        monitor: {
          ...monitor(host),
          openStdin: true,
          stdinOnce: true,
          attach: { stdin: true, stdout: true, stderr: true, claimExit: true },
        },
      },
    }),
    "user-with-capabilities": sample(host, {
      process: {
        user: { uid: 1000, gid: 1000 },
        capabilities: {
          bounding: DEFAULT_CAPABILITIES,
          permitted: DEFAULT_CAPABILITIES,
          inheritable: ["CAP_NET_RAW"],
          ambient: ["CAP_NET_RAW"],
        },
      },
    }),
    bundle: sample(host, {
      input: { rootfs: { kind: "bundle", path: host.bundle as HostPath }, monitor: { ...monitor(host), logPath: null, listen: false } },
    }),
    "legacy-overlay": sample(host, { input: { features: { ...host.features, overlayLowerdirPlus: false } } }),
    "legacy-overlay-userns": sample(host, { ...userNamespace, input: { features: { ...host.features, overlayLowerdirPlus: false } } }),
    exec: sample(host, { input: { execInto: host.target } }),
    "exec-tty": sample(host, { process: { terminal: true, user: { uid: 1000, gid: 1000 } }, input: { execInto: host.target } }),
    "exec-userns": sample(host, { ...userNamespace, input: { execInto: host.target } }),
    join: sample(host, {
      linux: {
        namespaces: [
          { type: "mount" },
          { type: "cgroup" },
          { type: "time" },
          { type: "uts" },
          ...(["pid", "network", "ipc"] as const).map((type) => ({
            type,
            path: `/proc/${host.target.pid}/ns/${type === "network" ? "net" : type}`,
          })),
        ],
        sysctl: {},
      },
      config: {
        mounts: [
          ...mounts(host, false).filter(({ destination }) => destination !== "/dev/shm"),
          {
            destination: "/dev/shm",
            type: "bind",
            source: `/proc/${host.target.pid}/root/dev/shm`,
            options: ["rbind", "nosuid", "noexec", "nodev"],
          },
        ],
      },
      input: { joins: { pid: host.target, network: host.target, ipc: host.target } },
    }),
  };
}
