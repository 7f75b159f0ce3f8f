import { isOwnerAlive } from "../kernel/process-owner.ts";
import { getVolume, moveVolume, type VolumeRow } from "../state/volume-rows.ts";
import { resumeFilling } from "./fill-volume.ts";
import { completeVolumeRemoval } from "./remove-volume.ts";
import type { VolumeHost } from "./volume-host.ts";

/** How soon to look again at what somebody is doing who may die without ringing. */
const glanceMs = 20;

/**
 * The volume once nobody fills or removes it; undefined when there is none (any more). What a dead process has left half done is
 * brought to its end here.
 */
export async function settleVolume(host: VolumeHost, name: string, signal?: AbortSignal): Promise<VolumeRow | undefined> {
  const first = getVolume(host.store, name);
  if (first === undefined || first.status === "ready") return first;
  const look = async () => {
    const row = getVolume(host.store, name);
    if (row === undefined || row.status === "ready") return { row };
    if (isOwnerAlive(row.owner, host.bootId)) return undefined;
    const { status, owner } = row;
    if (!moveVolume(host.store, name, { from: { status, owner }, to: { status, owner: host.owner } })) return undefined;
    await goOn(host, { ...row, owner: host.owner });
    return { row: getVolume(host.store, name) };
  };
  return (await host.bell.until(look, signal, () => glanceMs)).row;
}

async function goOn(host: VolumeHost, row: VolumeRow): Promise<void> {
  if (row.status === "removing") await completeVolumeRemoval(host, row.name);
  else resumeFilling(host, row.name);
}
