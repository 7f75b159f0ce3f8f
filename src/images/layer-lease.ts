import type { DiffId, Digest } from "../core/brands.ts";
import { randomHex } from "../core/random.ts";
import { readBootId } from "../kernel/boot-id.ts";
import { isAlive, ownProcess } from "../kernel/process-reference.ts";
import { addLease, dropLease, listLeases } from "../state/image-rows.ts";
import { addBlobLease, dropBlobLeases, dropClaims, listOwners } from "../state/received-image-rows.ts";
import type { Store } from "../state/store.ts";

/**
 * Keeps a layer, and the blob it came in, from being removed as unused while this process adds it and has no image that names it yet.
 * Dropped by disposal; what a dead process left is dropped by `dropStaleLeases`.
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

  /** To be called in the transaction that publishes the blob, or finds it stored. */
  keepBlob(digest: Digest): void {
    addBlobLease(this.#store, digest, this.#owner);
  }

  [Symbol.dispose](): void {
    this.#store.evenWhenFull(() =>
      this.#store.transaction(() => {
        dropLease(this.#store, this.diffId, this.#owner);
        dropBlobLeases(this.#store, this.#owner);
      }),
    );
  }
}

/** Keeps blobs from being removed as unused while they are read, whatever happens to the images they belong to. */
export class BlobLease implements Disposable {
  readonly #store: Store;
  readonly #owner = leaseOwner();

  constructor(store: Store, digests: readonly Digest[]) {
    this.#store = store;
    store.transaction(() => {
      for (const digest of digests) addBlobLease(store, digest, this.#owner);
    });
  }

  [Symbol.dispose](): void {
    this.#store.evenWhenFull(() => dropBlobLeases(this.#store, this.#owner));
  }
}

/** Inside a transaction: what dead processes held, claims included. The layers that only they held. */
export function dropStaleLeases(store: Store): DiffId[] {
  const stale = listLeases(store).filter(({ owner }) => !isOwnerAlive(owner));
  for (const { diffId, owner } of stale) dropLease(store, diffId, owner);
  for (const owner of listOwners(store)) {
    if (isOwnerAlive(owner)) continue;
    dropBlobLeases(store, owner);
    dropClaims(store, owner);
  }
  return stale.map(({ diffId }) => diffId);
}

/** A name for one holder. One process may hold several leases of one layer, hence the random part. */
export function leaseOwner(): string {
  const { pid, startTime } = ownProcess();
  return `${pid}:${startTime}:${readBootId()}:${randomHex(4)}`;
}

export function isOwnerAlive(owner: string): boolean {
  const [pid = "", startTime = "0", boot] = owner.split(":");
  return boot === readBootId() && isAlive({ pid: Number(pid), startTime: BigInt(startTime) });
}
