import type { OciResources } from "../oci-config.ts";
import { cpuWeight } from "./settings-v2.ts";

/** A property of a systemd unit, as D-Bus takes it: `t` is an unsigned number of 64 bits, `s` a string, `b` a boolean. */
export interface UnitProperty {
  readonly name: string;
  readonly type: "t" | "s" | "b";
  readonly value: string;
}

const UNLIMITED = "18446744073709551615";
const defaultPeriodMicros = 100_000;
/** systemd rounds quotas itself to this, and warns. */
const quotaStepMicros = 10_000;

/**
 * The limits that systemd has properties for. They are written to the group's files all the same, but systemd would take those for
 * changes by hand and write its own again when it reloads.
 * @see systemd.resource-control(5), org.freedesktop.systemd1(5)
 */
export function scopeProperties({ memory, cpu, pids }: OciResources): readonly UnitProperty[] {
  const properties: UnitProperty[] = [];
  const add = (name: string, value: number | string) => properties.push({ name, type: "t", value: String(value) });
  const { limit, reservation, swap } = memory ?? {};
  if (isSet(limit)) add("MemoryMax", orUnlimited(limit));
  if (isSet(reservation)) add("MemoryLow", orUnlimited(reservation));
  if (isSet(swap) && isSet(limit)) add("MemorySwapMax", swap < 0 ? UNLIMITED : Math.max(0, swap - Math.max(limit, 0)));
  if (isSet(cpu?.shares)) add("CPUWeight", cpuWeight(cpu.shares));
  if (isSet(cpu?.quota)) add("CPUQuotaPerSecUSec", cpu.quota < 0 ? UNLIMITED : quotaPerSecond(cpu.quota, cpu.period));
  if (isSet(pids?.limit)) add("TasksMax", orUnlimited(pids.limit));
  return properties;
}

/** 0 is what engines write for "not given". */
function isSet(value: number | undefined): value is number {
  return value !== undefined && value !== 0;
}

function orUnlimited(value: number): number | string {
  return value < 0 ? UNLIMITED : value;
}

function quotaPerSecond(quota: number, period = defaultPeriodMicros): number {
  const exact = (quota * 1_000_000) / (period === 0 ? defaultPeriodMicros : period);
  return Math.ceil(exact / quotaStepMicros) * quotaStepMicros;
}
