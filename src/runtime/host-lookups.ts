import { readFileSync, statSync } from "node:fs";
import type { OciConfig } from "../plan/oci-config.ts";
import { configInvalid } from "../plan/plan-context.ts";
import type { HostNetDevice, PlanInput } from "../plan/plan-input.ts";

type Lookups = Pick<PlanInput, "callerProcessors" | "clientPid" | "netDevices" | "resctrl" | "joinedMappings">;

/**
 * What a configuration's rarer fields name on this host. Nothing is read, and no module loaded, for a field that is not there.
 * @throws {EngineError} CONFIG_INVALID, HOST_PROGRAM_MISSING
 */
export async function lookUpHost({ process: { execCPUAffinity } = { cwd: "/" }, linux = {}, mounts = [] }: OciConfig): Promise<Lookups> {
  const { netDevices = {}, intelRdt, namespaces = [], uidMappings, gidMappings } = linux;
  const names = Object.keys(netDevices);
  refuseHostSysctls(linux);
  const user = namespaces.find(({ type, path }) => type === "user" && path !== undefined && path !== "")?.path;
  return {
    ...(mounts.some(({ source = "" }) => /^\/(proc|dev)\//.test(source)) ? { clientPid: process.pid } : {}),
    ...((execCPUAffinity?.initial ?? "") === "" ? {} : { callerProcessors: ownProcessors() }),
    ...(names.length === 0 ? {} : { netDevices: await readNetDevices(names) }),
    ...(intelRdt === undefined ? {} : { resctrl: (await import("./class-of-service.ts")).findResctrl() }),
    ...(user === undefined || (uidMappings !== undefined && gidMappings !== undefined)
      ? {}
      : { joinedMappings: (await import("../kernel/id-maps.ts")).readIdMaps(user) }),
  };
}

/** A path that leads to the host's own network namespace would let a sysctl change the host, as without one. */
function refuseHostSysctls({ sysctl = {}, namespaces = [] }: NonNullable<OciConfig["linux"]>): void {
  const name = Object.keys(sysctl).find((key) => key.startsWith("net"));
  const path = namespaces.find(({ type }) => type === "network")?.path ?? "";
  if (name === undefined || path === "" || namespaceOf(path) !== namespaceOf("/proc/self/ns/net")) return;
  throw configInvalid(`\`linux.sysctl.${name}\`: the network namespace \`${path}\` is the host's`);
}

/** Its number; undefined for one that we can't look at, which the launcher will not be able to join either. */
function namespaceOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

async function readNetDevices(names: readonly string[]): Promise<Readonly<Record<string, HostNetDevice>>> {
  const { readNetDevice } = await import("../kernel/net-device.ts");
  const devices: Record<string, HostNetDevice> = {};
  for (const name of names) {
    const device = readNetDevice(name);
    if (device !== null) devices[name] = device;
  }
  return devices;
}

/** @see proc_pid_status(5), sched_setaffinity(2) */
function ownProcessors(): string {
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "";
}
