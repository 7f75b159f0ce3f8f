import { randomBytes } from "node:crypto";
import type { DiffId } from "../core/brands.ts";
import { readBootId } from "../kernel/boot-id.ts";
import { isAlive, ownProcess } from "../kernel/process-reference.ts";
import { addLease, dropLease, listLeases } from "../state/image-rows.ts";
import type { Store } from "../state/store.ts";

/**
 * Keeps a layer from being removed as unused while this process adds it and has no image that names it yet. Dropped in the
 * transaction that stores the image, or by disposal; what a dead process left is dropped by `dropStaleLeases`.
 */
export class LayerLease implements Disposable {
  readonly #store: Store;
  readonly diffId: DiffId;
  readonly #owner = leaseOwner();

  constructor(store: Store, diffId: DiffId) {
    this.#store = store;
    this.diffId = diffId;
    store.transaction(() => addLease(store, diffId, this.#owner));
  }

  [Symbol.dispose](): void {
    dropLease(this.#store, this.diffId, this.#owner);
  }
}

/** Inside a transaction. The layers that only dead processes held. */
export function dropStaleLeases(store: Store): DiffId[] {
  const boot = readBootId();
  const stale = listLeases(store).filter(({ owner }) => {
    const [pid = "", startTime = "0", ownerBoot] = owner.split(":");
    return ownerBoot !== boot || !isAlive({ pid: Number(pid), startTime: BigInt(startTime) });
  });
  for (const { diffId, owner } of stale) dropLease(store, diffId, owner);
  return stale.map(({ diffId }) => diffId);
}

/** One process may hold several leases of one layer, hence the random part. */
function leaseOwner(): string {
  const { pid, startTime } = ownProcess();
  return `${pid}:${startTime}:${readBootId()}:${randomBytes(4).toString("hex")}`;
}
