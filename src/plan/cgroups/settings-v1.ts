import type { OciBlockIo, OciCpu, OciMemory, OciResources } from "../oci-config.ts";
import { checkList, checkPageSize, checkWord, LEAF_WEIGHT, unsupported } from "./resource-checks.ts";
import type { CgroupSetting, SettingContext } from "./cgroup-setting.ts";

/**
 * `linux.resources` as writes for v1 controllers, in an order that the kernel takes for a new group. Devices are not among them.
 * @throws {EngineError} INVALID_OPTION, CGROUP_CONTROLLER_MISSING for a limit that this kernel has no file for.
 * @see Documentation/admin-guide/cgroup-v1/
 */
export function settingsV1(resources: OciResources, context: SettingContext): readonly CgroupSetting[] {
  const { cpu = {}, memory = {}, blockIO = {}, pids, network = {} } = resources;
  const settings: CgroupSetting[] = [];
  const set = (controller: string, option: string, file: string, value: number | string): void => {
    settings.push({ controller, option, file, value: String(value) });
  };
  addMemory(set, memory, context);
  addCpu(set, cpu, context);
  addBlockIo(set, blockIO, context);
  if (pids !== undefined && (pids.limit > 0 || !context.fresh)) set("pids", "pids.limit", "pids.max", pids.limit > 0 ? pids.limit : "max");
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    set("hugetlb", "hugepageLimits", `hugetlb.${checkPageSize(pageSize)}.limit_in_bytes`, limit);
    const reserved = `hugetlb.${pageSize}.rsvd.limit_in_bytes`;
    // Since 5.7: without it a process could reserve more than it may fault in, and be killed by SIGBUS.
    if (context.hasFile("hugetlb", reserved)) set("hugetlb", "hugepageLimits", reserved, limit);
  }
  if (network.classID !== undefined && network.classID !== 0) set("net_cls", "network.classID", "net_cls.classid", network.classID);
  for (const { name, priority } of network.priorities ?? []) {
    set("net_prio", "network.priorities", "net_prio.ifpriomap", `${checkWord(name, "network.priorities")} ${priority}`);
  }
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma ?? {})) {
    const limits = [
      hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`,
      hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`,
    ];
    set("rdma", "rdma", "rdma.max", `${checkWord(device, "rdma")}${limits.join("")}`);
  }
  return settings;
}

type Set = (controller: string, option: string, file: string, value: number | string) => void;

function addMemory(set: Set, memory: OciMemory, { fresh }: SettingContext): void {
  const { limit, swap, reservation, swappiness } = memory;
  const given = (value: number | undefined): value is number => value !== undefined && value !== 0 && (value > 0 || !fresh);
  // The sum of memory and swap may never be below memory: from unlimited down, memory comes first.
  if (given(limit)) set("memory", "memory.limit", "memory.limit_in_bytes", limit);
  if (given(swap)) set("memory", "memory.swap", "memory.memsw.limit_in_bytes", swap);
  if (given(reservation)) set("memory", "memory.reservation", "memory.soft_limit_in_bytes", reservation);
  if (swappiness !== undefined) set("memory", "memory.swappiness", "memory.swappiness", swappiness);
  if (memory.disableOOMKiller === true) set("memory", "memory.disableOOMKiller", "memory.oom_control", 1);
  // memory.kernel: gone since 5.16 (memory.kmem.limit_in_bytes refuses every value); runc ignores it as well.
  if (memory.kernelTCP !== undefined && memory.kernelTCP > 0)
    set("memory", "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", memory.kernelTCP);
}

function addCpu(set: Set, cpu: OciCpu, { fresh }: SettingContext): void {
  const { shares, quota, period, burst } = cpu;
  if (shares !== undefined && shares !== 0 && !(fresh && shares === 1024)) set("cpu", "cpu.shares", "cpu.shares", shares);
  if (period !== undefined && period !== 0 && !(fresh && period === 100_000)) set("cpu", "cpu.period", "cpu.cfs_period_us", period);
  if (quota !== undefined && quota !== 0 && (quota > 0 || !fresh)) set("cpu", "cpu.quota", "cpu.cfs_quota_us", quota);
  if (burst !== undefined && !(fresh && burst === 0)) set("cpu", "cpu.burst", "cpu.cfs_burst_us", burst);
  if (cpu.realtimePeriod !== undefined && cpu.realtimePeriod !== 0)
    set("cpu", "cpu.realtimePeriod", "cpu.rt_period_us", cpu.realtimePeriod);
  if (cpu.realtimeRuntime !== undefined && cpu.realtimeRuntime !== 0)
    set("cpu", "cpu.realtimeRuntime", "cpu.rt_runtime_us", cpu.realtimeRuntime);
  if (cpu.idle !== undefined && !(fresh && cpu.idle === 0)) set("cpu", "cpu.idle", "cpu.idle", cpu.idle);
  // Both are inherited from Wherry's own group, which has cgroup.clone_children set.
  if (cpu.cpus !== undefined && cpu.cpus !== "") set("cpuset", "cpu.cpus", "cpuset.cpus", checkList(cpu.cpus, "cpu.cpus"));
  if (cpu.mems !== undefined && cpu.mems !== "") set("cpuset", "cpu.mems", "cpuset.mems", checkList(cpu.mems, "cpu.mems"));
}

function addBlockIo(set: Set, blockIO: OciBlockIo, { hasFile }: SettingContext): void {
  const weight = blockIO.weight ?? 0;
  const weightFile = (): string => {
    // blkio.weight belonged to the CFQ scheduler, gone since 5.0; some distributions alias BFQ's to it.
    const found = ["blkio.weight", "blkio.bfq.weight"].find((file) => hasFile("blkio", file));
    if (found === undefined) throw unsupported("blockIO.weight", "this kernel has no weights for block devices (no BFQ scheduler)");
    return found;
  };
  if (weight !== 0) set("blkio", "blockIO.weight", weightFile(), weight);
  if ((blockIO.leafWeight ?? 0) !== 0 || blockIO.weightDevice?.some(({ leafWeight = 0 }) => leafWeight !== 0) === true)
    throw unsupported("blockIO.leafWeight", LEAF_WEIGHT);
  for (const device of blockIO.weightDevice ?? []) {
    if (device.weight === undefined) continue;
    const file = weightFile() === "blkio.weight" ? "blkio.weight_device" : "blkio.bfq.weight_device";
    if (!hasFile("blkio", file)) throw unsupported("blockIO.weightDevice", "this kernel has no weights for single block devices");
    set("blkio", "blockIO.weightDevice", file, `${device.major}:${device.minor} ${device.weight}`);
  }
  const throttles = [
    ["throttleReadBpsDevice", "blkio.throttle.read_bps_device"],
    ["throttleWriteBpsDevice", "blkio.throttle.write_bps_device"],
    ["throttleReadIOPSDevice", "blkio.throttle.read_iops_device"],
    ["throttleWriteIOPSDevice", "blkio.throttle.write_iops_device"],
  ] as const;
  for (const [key, file] of throttles) {
    for (const { major, minor, rate = 0 } of blockIO[key] ?? []) set("blkio", `blockIO.${key}`, file, `${major}:${minor} ${rate}`);
  }
}
