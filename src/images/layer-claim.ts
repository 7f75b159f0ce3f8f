import { setTimeout as delay } from "node:timers/promises";
import { claimLayerRow, dropClaims } from "../state/received-image-rows.ts";
import type { Store } from "../state/store.ts";
import { isOwnerAlive, leaseOwner } from "./layer-lease.ts";

/** Whoever has died does not ring: the claim is looked at again after this time. */
const againMs = 50;

/**
 * The right to store what `key` (a blob's digest or a diff id) names; whoever wants the same waits, and finds it stored then. Held from
 * `claimLayer` until disposal, which must not wait for another claim of the same kind: blob first, then its diff id.
 */
export class LayerClaim implements Disposable {
  readonly #store: Store;
  readonly #owner: string;

  constructor(store: Store, owner: string) {
    this.#store = store;
    this.#owner = owner;
  }

  [Symbol.dispose](): void {
    this.#store.evenWhenFull(() => dropClaims(this.#store, this.#owner));
  }
}

/** Resolves once the claim is ours; a dead holder's is taken over. @throws the signal's reason when aborted. */
export async function claimLayer(store: Store, key: string, signal?: AbortSignal): Promise<LayerClaim> {
  const owner = leaseOwner();
  for (;;) {
    signal?.throwIfAborted();
    const holder = store.transaction(() => {
      const found = claimLayerRow(store, key, owner);
      if (found === owner || isOwnerAlive(found)) return found;
      dropClaims(store, found);
      return claimLayerRow(store, key, owner);
    });
    if (holder === owner) return new LayerClaim(store, owner);
    await delay(againMs, undefined, signal === undefined ? {} : { signal });
  }
}
