import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

/** The repository's root directory. */
export const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

const hasFile = (path: string): boolean => existsSync(path);
const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const mountTypes = (): readonly string[] =>
  read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" - ")[1]?.split(" ")[0] ?? "");
const hasFilesystem = (name: string): boolean => new RegExp(`\\b${name}$`, "m").test(read("/proc/filesystems"));
const succeeds = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args, { stdio: "ignore" }).status === 0;
const hasProgram = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(":").some((directory) => {
    const status = statSync(`${directory}/${name}`, { throwIfNoEntry: false });
    return status?.isFile() === true && (status.mode & 0o111) !== 0;
  });
const hasCapability = (number: number): boolean => {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(read("/proc/self/status"))?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
};
const kernelAtLeast = (major: number, minor: number): boolean => {
  const [have = 0, haveMinor = 0] = read("/proc/sys/kernel/osrelease").split(".").map(Number);
  return have > major || (have === major && haveMinor >= minor);
};

/**
 * What a test may require of the host, by name. A test names what it needs; a name that is not here is a mistake in the test.
 * Each probe looks at the host itself, never at what Wherry says of it.
 */
export const hostFeatures: Readonly<Record<string, () => boolean>> = {
  root: () => process.getuid?.() === 0 && hasCapability(21),
  overlayfs: () => hasFilesystem("overlay") || (succeeds("modprobe", "-q", "overlay") && hasFilesystem("overlay")),
  erofs: () => hasFilesystem("erofs"),
  "erofs-files": () => hasFilesystem("erofs") && kernelAtLeast(6, 12),
  "erofs-devices-only": () => hasFilesystem("erofs") && !kernelAtLeast(6, 12) && hasFile("/dev/loop-control"),
  "erofs-layers": () => hasFilesystem("erofs") && (kernelAtLeast(6, 12) || hasFile("/dev/loop-control")),
  "cgroup-v1": () => mountTypes().includes("cgroup"),
  "cgroup-v2": () => !mountTypes().includes("cgroup") && mountTypes().includes("cgroup2"),
  "cgroup-hybrid": () => mountTypes().includes("cgroup") && mountTypes().includes("cgroup2"),
  systemd: () => hasFile("/run/systemd/system"),
  apparmor: () => read("/sys/module/apparmor/parameters/enabled").startsWith("Y") && hasFile("/sys/kernel/security/apparmor/profiles"),
  "apparmor-parser": () => hasProgram("apparmor_parser"),
  seccomp: () => hasFile("/proc/sys/kernel/seccomp/actions_avail"),
  "user-namespaces": () => Number(read("/proc/sys/user/max_user_namespaces")) > 0,
  uidmap: () => hasProgram("newuidmap") && hasProgram("newgidmap"),
  "time-namespaces": () => hasFile("/proc/self/ns/time"),
  "idmapped-tmpfs": () => kernelAtLeast(6, 3),
  "lowerdir-plus": () => kernelAtLeast(6, 8),
  "sys-resource": () => hasCapability(24),
  mqueue: () => hasFilesystem("mqueue"),
  loop: () => hasFile("/dev/loop-control"),
  "two-cpus": () => /^(?:.*[,-])/.test(read("/sys/devices/system/cpu/online")),
  nftables: () => hasProgram("nft") && succeeds("nft", "list", "tables"),
  iproute2: () => hasProgram("ip"),
  strace: () => hasProgram("strace"),
  busybox: () => ["/bin/busybox", "/usr/bin/busybox"].some(hasFile),
  runc: () => hasProgram("runc"),
  crun: () => hasProgram("crun"),
  "docker-cli": () => hasProgram("docker"),
  dockerd: () => hasProgram("dockerd") && hasProgram("containerd"),
  containerd: () => hasProgram("containerd") && hasProgram("ctr"),
  "docker-registry": () => hasProgram("docker-registry"),
  htpasswd: () => hasProgram("htpasswd"),
  openssl: () => hasProgram("openssl"),
  skopeo: () => hasProgram("skopeo"),
  umoci: () => hasProgram("umoci"),
  buildah: () => hasProgram("buildah"),
  podman: () => hasProgram("podman") && hasProgram("conmon"),
  "erofs-utils": () => hasProgram("fsck.erofs"),
  mmdebstrap: () => hasProgram("mmdebstrap"),
  setfattr: () => hasProgram("setfattr"),
  capsh: () => hasProgram("capsh"),
  python3: () => hasProgram("python3") && succeeds("python3", "-c", "pass"),
  cc: () => hasProgram("cc"),
  x86_64: () => process.arch === "x64",
  binary: () => hasFile(`${repository}/dist/wherry`) && hasFile(`${repository}/dist/engine`),
  launcher: () => hasFile(`${repository}/launcher/build/launcher`),
  "fault-build": () => hasFile(`${repository}/dist-fault/wherry`) && hasFile(`${repository}/dist-fault/engine`),
  payload: () => hasFile(`${repository}/test/payload/build/payload`),
};

/** The signal numbers of this platform, for tests that compare exit codes. */
export const signalNumbers: Readonly<Record<string, number>> = constants.signals;
