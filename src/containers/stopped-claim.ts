import type { ContainerRow } from "../state/container-row.ts";
import { containerNotFound, moveContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { waitUntilSettled } from "./wait-container.ts";

/**
 * Keeps a container that does not run as it is: until it is released, or this process dead, nobody starts or removes it. For those who
 * mount its root file system: a read-write layer can't be mounted twice.
 */
export class StoppedClaim {
  readonly #host: ContainerHost;
  readonly #row: ContainerRow;

  private constructor(host: ContainerHost, row: ContainerRow) {
    this.#host = host;
    this.#row = row;
  }

  /** Waits for whoever else has it. @throws {EngineError} CONTAINER_NOT_FOUND when it is removed meanwhile. */
  static async acquire(host: ContainerHost, row: ContainerRow): Promise<StoppedClaim> {
    for (let now: ContainerRow | undefined = row; now !== undefined; now = await waitUntilSettled(host, row.id)) {
      const { status, id } = now;
      if (status !== "created" && status !== "exited") continue;
      if (moveContainer(host.store, { id, from: [status], to: status, owner: null, change: { owner: host.owner } }))
        return new StoppedClaim(host, now);
    }
    throw containerNotFound(row.name);
  }

  release(): void {
    const { id, status } = this.#row;
    moveContainer(this.#host.store, { id, from: [status], to: status, owner: this.#host.owner, change: { owner: null } });
    this.#host.bell.ring();
  }
}

/** @throws {EngineError} CONTAINER_NOT_FOUND when it is removed with its end. */
export async function waitUntilStopped(host: ContainerHost, row: ContainerRow): Promise<ContainerRow> {
  const { waitForEnd } = await import("./wait-container.ts");
  await waitForEnd(host, row.id, undefined);
  const now = await waitUntilSettled(host, row.id);
  if (now === undefined) throw containerNotFound(row.name);
  return now;
}
