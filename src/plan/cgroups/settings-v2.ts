import { invalidOption } from "../../core/invalid-option.ts";
import type { OciBlockIo, OciCpu, OciMemory, OciResources } from "../oci-config.ts";
import { checkList, checkPageSize, checkWord, LEAF_WEIGHT, unsupported } from "./resource-checks.ts";
import type { CgroupSetting, SettingContext } from "./cgroup-setting.ts";

/**
 * `linux.resources`, whose terms are v1's, as writes for v2 controllers. Conversions are runc's, so that a container weighs the same under
 * either. Devices are not among them. `unified` comes last and so has the last word.
 * @throws {EngineError} INVALID_OPTION, CGROUP_CONTROLLER_MISSING for a limit that v2 does not have.
 * @see Documentation/admin-guide/cgroup-v2.rst, runtime-spec config-linux.md
 */
export function settingsV2(resources: OciResources, context: SettingContext): readonly CgroupSetting[] {
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
    set("hugetlb", "hugepageLimits", `hugetlb.${checkPageSize(pageSize)}.max`, limit);
    const reserved = `hugetlb.${pageSize}.rsvd.max`;
    if (context.hasFile("hugetlb", reserved)) set("hugetlb", "hugepageLimits", reserved, limit);
  }
  if ((network.classID ?? 0) !== 0) throw unsupported("network.classID", "net_cls exists in cgroup v1 only");
  if ((network.priorities?.length ?? 0) > 0) throw unsupported("network.priorities", "net_prio exists in cgroup v1 only");
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma ?? {})) {
    const limits = [
      hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`,
      hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`,
    ];
    set("rdma", "rdma", "rdma.max", `${checkWord(device, "rdma")}${limits.join("")}`);
  }
  for (const [file, value] of Object.entries(resources.unified ?? {})) {
    const controller = /^([a-z_]+)\.[A-Za-z0-9_.]+$/.exec(file)?.[1];
    if (controller === undefined) throw invalidOption(`resources: \`unified\` names \`${file}\`, which is no cgroup file`);
    for (const line of value.split("\n")) if (line !== "") set(controller, `unified ${file}`, file, line);
  }
  return settings;
}

/** cpu.weight (1 to 10000, default 100) of cpu.shares (2 to 262144, default 1024): fits minimum, default and maximum. @see runc pull 4785 */
export function cpuWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** io.weight (1 to 10000) of blkio.weight (10 to 1000). */
export function ioWeight(weight: number): number {
  return Math.floor(1 + ((weight - 10) * 9999) / 990);
}

type Set = (controller: string, option: string, file: string, value: number | string) => void;

function addMemory(set: Set, memory: OciMemory, { fresh }: SettingContext): void {
  const { limit = 0, swap = 0, reservation = 0 } = memory;
  const max = (value: number): number | string => (value < 0 ? "max" : value);
  if (limit !== 0 && (limit > 0 || !fresh)) set("memory", "memory.limit", "memory.max", max(limit));
  // v1 counts memory and swap together, v2 swap alone. Unlimited memory without a word about swap means unlimited swap.
  const swapOnly = swap > 0 ? swap - limit : swap === 0 && limit < 0 ? -1 : swap;
  if (swap > 0 && limit <= 0)
    throw invalidOption("resources: `memory.swap` needs `memory.limit` on cgroup v2, where swap is limited by itself");
  if (swapOnly < -1 || (swap > 0 && swapOnly < 0))
    throw invalidOption("resources: `memory.swap` is memory plus swap and so at least `memory.limit`");
  if (swap > 0 || (swapOnly < 0 && !fresh)) set("memory", "memory.swap", "memory.swap.max", max(swapOnly));
  if (reservation !== 0 && (reservation > 0 || !fresh)) set("memory", "memory.reservation", "memory.low", max(reservation));
  if (memory.swappiness !== undefined) throw unsupported("memory.swappiness", "cgroup v2 has no swappiness for a group");
  if (memory.disableOOMKiller === true)
    throw unsupported("memory.disableOOMKiller", "cgroup v2 can't keep the kernel from killing on out of memory");
  if ((memory.kernelTCP ?? 0) > 0) throw unsupported("memory.kernelTCP", "cgroup v2 has no separate limit for TCP buffers");
}

function addCpu(set: Set, cpu: OciCpu, { fresh }: SettingContext): void {
  const { shares = 0, quota = 0, period = 0, burst } = cpu;
  if (shares !== 0 && !(fresh && shares === 1024)) set("cpu", "cpu.shares", "cpu.weight", cpuWeight(shares));
  // A bare "max" keeps the period; a new group has max 100000.
  if (quota > 0 || (!fresh && quota < 0) || (period !== 0 && period !== 100_000)) {
    set("cpu", quota === 0 ? "cpu.period" : "cpu.quota", "cpu.max", `${quota > 0 ? quota : "max"}${period === 0 ? "" : ` ${period}`}`);
  }
  if (burst !== undefined && !(fresh && burst === 0)) set("cpu", "cpu.burst", "cpu.max.burst", burst);
  if ((cpu.realtimePeriod ?? 0) !== 0) throw unsupported("cpu.realtimePeriod", "real-time limits exist in cgroup v1 only");
  if ((cpu.realtimeRuntime ?? 0) !== 0) throw unsupported("cpu.realtimeRuntime", "real-time limits exist in cgroup v1 only");
  if (cpu.idle !== undefined && !(fresh && cpu.idle === 0)) set("cpu", "cpu.idle", "cpu.idle", cpu.idle);
  if (cpu.cpus !== undefined && cpu.cpus !== "") set("cpuset", "cpu.cpus", "cpuset.cpus", checkList(cpu.cpus, "cpu.cpus"));
  if (cpu.mems !== undefined && cpu.mems !== "") set("cpuset", "cpu.mems", "cpuset.mems", checkList(cpu.mems, "cpu.mems"));
}

function addBlockIo(set: Set, blockIO: OciBlockIo, { hasFile }: SettingContext): void {
  if ((blockIO.leafWeight ?? 0) !== 0 || blockIO.weightDevice?.some(({ leafWeight = 0 }) => leafWeight !== 0) === true)
    throw unsupported("blockIO.leafWeight", LEAF_WEIGHT);
  const weights: [string, number][] = [];
  if ((blockIO.weight ?? 0) !== 0) weights.push(["default", blockIO.weight ?? 0]);
  for (const { major, minor, weight } of blockIO.weightDevice ?? []) if (weight !== undefined) weights.push([`${major}:${minor}`, weight]);
  for (const [device, weight] of weights) {
    const option = device === "default" ? "blockIO.weight" : "blockIO.weightDevice";
    // BFQ takes v1's range; io.weight (io.cost) has its own.
    if (hasFile("io", "io.bfq.weight")) set("io", option, "io.bfq.weight", `${device} ${weight}`);
    else if (hasFile("io", "io.weight")) set("io", option, "io.weight", `${device} ${ioWeight(weight)}`);
    else throw unsupported(option, "this kernel has no weights for block devices (neither BFQ nor io.cost)");
  }
  const throttles = [
    ["throttleReadBpsDevice", "rbps"],
    ["throttleWriteBpsDevice", "wbps"],
    ["throttleReadIOPSDevice", "riops"],
    ["throttleWriteIOPSDevice", "wiops"],
  ] as const;
  for (const [key, name] of throttles) {
    for (const { major, minor, rate = 0 } of blockIO[key] ?? []) {
      set("io", `blockIO.${key}`, "io.max", `${major}:${minor} ${name}=${rate === 0 ? "max" : rate}`);
    }
  }
}
