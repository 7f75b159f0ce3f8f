import { readdirSync, statSync } from "node:fs";
import { invalidOption } from "../core/invalid-option.ts";
import type { OciDevice, OciDeviceRule } from "../plan/oci-config.ts";
import type { ContainerOptions, DeviceOption } from "./container-options.ts";

export interface DeviceSetup {
  readonly devices: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

const any = undefined;

/** What every container may touch: mknod of anything (opening it is another matter), the harmless memory devices, terminals. */
const defaultRules: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  rule("c", any, any, "m"),
  rule("b", any, any, "m"),
  ...[3, 5, 7, 8, 9].map((minor) => rule("c", 1, minor, "rwm")),
  rule("c", 5, 0, "rwm"),
  rule("c", 5, 1, "rwm"),
  rule("c", 5, 2, "rwm"),
  rule("c", 136, any, "rwm"),
];

/**
 * The nodes to make and the allow-list, from `--device`, `--device-cgroup-rule` and `--privileged` (every device of the host's /dev).
 * @throws {EngineError} INVALID_OPTION when a device is not there or a rule is malformed.
 */
export function buildDevices(options: ContainerOptions): DeviceSetup {
  if (options.privileged === true) {
    return { devices: walk("/dev", "/dev"), rules: [{ allow: true, access: "rwm" }] };
  }
  const devices: OciDevice[] = [];
  const rules = [...defaultRules];
  for (const option of options.devices ?? []) {
    for (const device of expand(option)) {
      devices.push(device);
      rules.push(rule(device.type === "b" ? "b" : "c", device.major, device.minor, option.permissions));
    }
  }
  for (const text of options.deviceCgroupRules ?? []) rules.push(parseRule(text));
  return { devices, rules };
}

/** glibc's packing of a `dev_t`. */
export function deviceNumber(rdev: number): { major: number; minor: number } {
  const packed = BigInt(rdev);
  return {
    major: Number(((packed >> 8n) & 0xfffn) | ((packed >> 32n) & 0xfffff000n)),
    minor: Number((packed & 0xffn) | ((packed >> 12n) & 0xffffff00n)),
  };
}

function expand(option: DeviceOption): OciDevice[] {
  if (!/^[rwm]+$/.test(option.permissions)) throw invalidOption(`invalid device mode \`${option.permissions}\`: a subset of rwm is meant`);
  const stat = statSync(option.hostPath, { throwIfNoEntry: false });
  if (stat === undefined)
    throw invalidOption(`error gathering device information while adding custom device "${option.hostPath}": no such file or directory`);
  if (stat.isDirectory()) {
    const inside = walk(option.hostPath, option.containerPath);
    if (inside.length > 0) return inside;
  }
  const device = toDevice(option.hostPath, option.containerPath);
  if (device === undefined)
    throw invalidOption(`error gathering device information while adding custom device "${option.hostPath}": not a device node`);
  return [device];
}

function walk(hostDirectory: string, containerDirectory: string): OciDevice[] {
  const found: OciDevice[] = [];
  for (const entry of readdirSync(hostDirectory, { withFileTypes: true })) {
    const host = `${hostDirectory}/${entry.name}`;
    const inside = `${containerDirectory}/${entry.name}`;
    // pts, shm, mqueue and fd are the container's own; console is its terminal.
    if (entry.isDirectory() && !["pts", "shm", "mqueue", "fd", ".lxc", ".lxd-mounts", ".udev"].includes(entry.name))
      found.push(...walk(host, inside));
    else if ((entry.isCharacterDevice() || entry.isBlockDevice()) && entry.name !== "console" && entry.name !== "ptmx") {
      const device = toDevice(host, inside);
      if (device !== undefined) found.push(device);
    }
  }
  return found;
}

function toDevice(hostPath: string, path: string): OciDevice | undefined {
  const stat = statSync(hostPath, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const type = stat.isBlockDevice() ? "b" : stat.isCharacterDevice() ? "c" : undefined;
  if (type === undefined) return undefined;
  return { type, path, ...deviceNumber(stat.rdev), fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
}

function rule(type: string, major: number | undefined, minor: number | undefined, access: string): OciDeviceRule {
  return { allow: true, type, ...(major === undefined ? {} : { major }), ...(minor === undefined ? {} : { minor }), access };
}

function parseRule(text: string): OciDeviceRule {
  const match = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw invalidOption(`invalid device cgroup rule \`${text}\`: a form such as 'c 42:* rwm' is meant`);
  const number = (part: string | undefined) => (part === "*" ? undefined : Number(part));
  return rule(match[1] ?? "a", number(match[2]), number(match[3]), match[4] ?? "");
}
