import { readFileSync, statSync } from "node:fs";
import { invalidOption } from "../core/invalid-option.ts";
import type { OciBlockIo, OciCpu, OciDeviceRule, OciMemory, OciResources, OciThrottleDevice } from "../plan/oci-config.ts";
import type { ContainerOptions, ResourceOptions, ThrottleDevice } from "./container-options.ts";
import { deviceNumber } from "./devices.ts";

const minimumMemory = 6 * 1024 * 1024;

/**
 * Docker's limits in the runtime-spec's terms, without the device rules.
 * @throws {EngineError} INVALID_OPTION for values that docker refuses too.
 */
export function buildResources(options: ContainerOptions, deviceRules: readonly OciDeviceRule[]): OciResources {
  const given = options.resources ?? {};
  const memory = memoryLimits(given);
  const cpu = cpuLimits(given);
  const blockIO = blockLimits(given);
  const pids = given.pidsLimit;
  return {
    devices: deviceRules,
    ...(memory === undefined ? {} : { memory }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(blockIO === undefined ? {} : { blockIO }),
    ...(pids === undefined || pids === 0 ? {} : { pids: { limit: pids } }),
  };
}

function memoryLimits(given: ResourceOptions): OciMemory | undefined {
  const limit = positive(given.memoryBytes);
  const swap = given.memorySwapBytes === 0 ? undefined : given.memorySwapBytes;
  const reservation = positive(given.memoryReservationBytes);
  if (limit !== undefined && limit < minimumMemory)
    throw invalidOption(`minimum memory limit allowed is 6MB, \`--memory ${limit}\` is less`);
  if (swap !== undefined && swap > 0) {
    if (limit === undefined)
      throw invalidOption("you should always set the memory limit when using the memory swap limit: give --memory too");
    if (swap < limit) throw invalidOption("minimum memory-swap limit should be larger than memory limit: it is memory plus swap");
  }
  if (limit !== undefined && reservation !== undefined && limit < reservation) {
    throw invalidOption("minimum memory limit can not be less than memory reservation limit");
  }
  const swappiness = given.memorySwappiness;
  if (swappiness !== undefined && swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw invalidOption(`invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  const memory: OciMemory = {
    ...(limit === undefined ? {} : { limit }),
    // Docker's default: as much swap as memory.
    ...(swap !== undefined ? { swap } : limit !== undefined ? { swap: limit * 2 } : {}),
    ...(reservation === undefined ? {} : { reservation }),
    ...(swappiness === undefined || swappiness === -1 ? {} : { swappiness }),
    ...(given.oomKillDisable === true ? { disableOOMKiller: true } : {}),
    ...(positive(given.kernelMemoryBytes) === undefined ? {} : { kernel: given.kernelMemoryBytes ?? 0 }),
  };
  return Object.keys(memory).length === 0 ? undefined : memory;
}

function cpuLimits(given: ResourceOptions): OciCpu | undefined {
  let quota = given.cpuQuotaMicros === 0 ? undefined : given.cpuQuotaMicros;
  let period = given.cpuPeriodMicros === 0 ? undefined : given.cpuPeriodMicros;
  const nano = positive(given.nanoCpus);
  if (nano !== undefined) {
    if (quota !== undefined || period !== undefined)
      throw invalidOption("conflicting options: --cpus and --cpu-period or --cpu-quota can't both be set");
    // Not imported above: few starts have a quota.
    const count = process.getBuiltinModule("node:os").availableParallelism();
    if (nano < 10_000_000 || nano > count * 1e9) {
      throw invalidOption(`range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
    }
    period = 100_000;
    quota = Math.floor(nano / 10_000);
  }
  if (period !== undefined && (period < 1_000 || period > 1_000_000))
    throw invalidOption("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (quota !== undefined && quota > 0 && quota < 1_000) throw invalidOption("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  if ((given.cpuShares ?? 0) < 0) throw invalidOption(`invalid CPU shares (${given.cpuShares}): value must be a positive integer`);
  const shares = positive(given.cpuShares);
  const cpu: OciCpu = {
    ...(shares === undefined ? {} : { shares }),
    ...(quota === undefined ? {} : { quota }),
    ...(period === undefined ? {} : { period }),
    ...(given.cpuRealtimeRuntimeMicros === undefined ? {} : { realtimeRuntime: given.cpuRealtimeRuntimeMicros }),
    ...(given.cpuRealtimePeriodMicros === undefined ? {} : { realtimePeriod: given.cpuRealtimePeriodMicros }),
    ...(given.cpusetCpus === undefined || given.cpusetCpus === ""
      ? {}
      : { cpus: checkSet(given.cpusetCpus, { flag: "--cpuset-cpus", what: "CPUs", online: "cpu/online" }) }),
    ...(given.cpusetMems === undefined || given.cpusetMems === ""
      ? {}
      : { mems: checkSet(given.cpusetMems, { flag: "--cpuset-mems", what: "memory nodes", online: "node/online" }) }),
  };
  return Object.keys(cpu).length === 0 ? undefined : cpu;
}

function blockLimits(given: ResourceOptions): OciBlockIo | undefined {
  const weight = positive(given.blkioWeight);
  if (weight !== undefined && (weight < 10 || weight > 1000)) throw invalidOption("range of blkio weight is from 10 to 1000");
  const list = (devices: readonly ThrottleDevice[] | undefined) => devices?.map(throttle) ?? [];
  const weightDevice = (given.blkioWeightDevice ?? []).map((device) => ({ ...blockDevice(device.path), weight: device.rate }));
  const named = {
    throttleReadBpsDevice: list(given.blkioDeviceReadBps),
    throttleWriteBpsDevice: list(given.blkioDeviceWriteBps),
    throttleReadIOPSDevice: list(given.blkioDeviceReadIops),
    throttleWriteIOPSDevice: list(given.blkioDeviceWriteIops),
  };
  const blockIO: OciBlockIo = {
    ...(weight === undefined ? {} : { weight }),
    ...(weightDevice.length === 0 ? {} : { weightDevice }),
    ...Object.fromEntries(Object.entries(named).filter(([, devices]) => devices.length > 0)),
  };
  return Object.keys(blockIO).length === 0 ? undefined : blockIO;
}

function throttle(device: ThrottleDevice): OciThrottleDevice {
  return { ...blockDevice(device.path), rate: device.rate };
}

function blockDevice(path: string): { major: number; minor: number } {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isBlockDevice()) throw invalidOption(`\`${path}\` is not a block device of this host`);
  return deviceNumber(stat.rdev);
}

/** @param of `online`: in /sys/devices/system, the list of what there is */
function checkSet(list: string, of: { readonly flag: string; readonly what: string; readonly online: string }): string {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) throw invalidOption(`invalid value ${list} for ${of.flag}: a list such as 0-2,4 is meant`);
  let online: string;
  try {
    online = readFileSync(`/sys/devices/system/${of.online}`, "utf8").trim();
  } catch {
    // The kernel will tell.
    return list;
  }
  if (Math.max(...numbers(list)) > Math.max(...numbers(online)))
    throw invalidOption(`requested ${of.what} are not available: requested ${list}, available: ${online}`);
  return list;
}

function numbers(list: string): readonly number[] {
  return list.split(/[-,]/).map(Number);
}

function positive(value: number | undefined): number | undefined {
  return value === undefined || value <= 0 ? undefined : value;
}
