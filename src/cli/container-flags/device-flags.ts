import type { DeviceOption, ThrottleDevice } from "../../spec/container-options.ts";
import { parseSize } from "../../core/size.ts";
import { invalidValue } from "../flags/flag-spec.ts";

/** `--device /dev/x[:/dev/y[:rwm]]`; `/dev/x:rw` names no other path. */
export function parseDevice(text: string): DeviceOption {
  const [hostPath = "", second, third, ...more] = text.split(":");
  if (!hostPath.startsWith("/") || more.length > 0) throw invalidValue("use /dev/NAME[:/CONTAINER/PATH[:rwm]]");
  const secondIsPermissions = second !== undefined && third === undefined && isPermissions(second);
  const containerPath = second === undefined || secondIsPermissions ? hostPath : second;
  const permissions = secondIsPermissions ? second : (third ?? "rwm");
  if (!containerPath.startsWith("/")) throw invalidValue(`the path in the container, "${containerPath}", must be absolute`);
  if (!isPermissions(permissions)) throw invalidValue(`"${permissions}" is not made of r, w and m`);
  return { hostPath, containerPath, permissions };
}

function isPermissions(text: string): boolean {
  return /^[rwm]+$/.test(text) && new Set(text).size === text.length;
}

/** `--device-cgroup-rule "c 1:3 rwm"`. */
export function parseDeviceRule(text: string): string {
  if (!/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text)) throw invalidValue('use TYPE MAJOR:MINOR ACCESS, such as "c 1:3 rwm"');
  return text;
}

/** `/dev/sda:1mb`, bytes a second. */
export function parseByteRate(text: string): ThrottleDevice {
  return parseRate(text, { parse: parseSize, example: "/dev/sda:1mb" });
}

/** `/dev/sda:100`, operations a second. */
export function parseOperationRate(text: string): ThrottleDevice {
  return parseRate(text, { parse: (rate) => (/^\d+$/.test(rate) ? Number(rate) : Number.NaN), example: "/dev/sda:1000" });
}

/** `/dev/sda:500`; 0 or 10 to 1000. */
export function parseDeviceWeight(text: string): ThrottleDevice {
  const device = parseOperationRate(text);
  if (device.rate !== 0 && (device.rate < 10 || device.rate > 1000))
    throw invalidValue(`the weight ${device.rate} is not 0 or between 10 and 1000`);
  return device;
}

function parseRate(text: string, format: { readonly parse: (rate: string) => number; readonly example: string }): ThrottleDevice {
  const colon = text.lastIndexOf(":");
  const path = text.slice(0, Math.max(colon, 0));
  if (!path.startsWith("/dev/")) throw invalidValue(`use a device and a rate, such as ${format.example}`);
  const rate = format.parse(text.slice(colon + 1));
  if (!Number.isSafeInteger(rate)) throw invalidValue(`"${text.slice(colon + 1)}" is not a rate; use a form such as ${format.example}`);
  return { path, rate };
}
