import { readFileSync, statSync } from "node:fs";
import { newContainerId, shortId } from "../core/ids.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { timestampNow } from "../core/timestamp.ts";
import type { RunnableImage } from "../images/runnable-image.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { resolveProcess } from "../spec/resolve-process.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { findContainer } from "../state/container-table.ts";
import type { Store } from "../state/store.ts";

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/**
 * Checks what can be checked before anything exists and unites options and image into a new row; nothing is stored.
 * @throws {EngineError} INVALID_OPTION.
 */
export function prepareContainer(options: ContainerOptions, image: RunnableImage): ContainerRow {
  for (const mount of options.mounts ?? []) {
    if (mount.type !== "bind" || mount.createSource === true) continue;
    if (statSync(mount.source ?? "", { throwIfNoEntry: false }) === undefined) {
      throw invalidOption(
        `invalid mount config for type "bind": bind source path does not exist: ${mount.source ?? ""}; create it, or use -v, which does`,
      );
    }
  }
  const id = newContainerId();
  return {
    id,
    name: options.name === undefined ? "" : checkName(options.name),
    image: options.image,
    imageId: image.id,
    createdAt: timestampNow(),
    options: JSON.stringify(options),
    process: JSON.stringify(resolveProcess(options, image.config)),
    layers: image.diffIds,
    status: "created",
    owner: null,
    pid: 0,
    pidStart: 0n,
    monitorPid: 0,
    monitorStart: 0n,
    bootId: "",
    exitCode: null,
    oomKilled: false,
    error: "",
    startedAt: null,
    finishedAt: null,
    autoRemove: options.autoRemove ?? false,
    stopRequested: false,
    starts: 0,
  };
}

/** Whether there is anything for `planMounts` to find out. */
export function needsPlannedMounts(options: ContainerOptions, image: RunnableImage): boolean {
  return (
    image.config.volumes.length > 0 ||
    options.volumesFrom !== undefined ||
    (options.mounts ?? []).some(({ type, propagation }) => type === "volume" || type === "image" || propagation !== undefined)
  );
}

/** The name without Docker's leading slash. @throws {EngineError} INVALID_OPTION. */
export function checkName(given: string): string {
  const name = given.startsWith("/") ? given.slice(1) : given;
  if (!namePattern.test(name)) throw invalidOption(`Invalid container name (${given}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  return name;
}

/**
 * The name inside, as docker chooses it: the option; else that of the UTS namespace or the network that it is in, the host's or another
 * container's (where an address is known by it); else the short id.
 */
export function containerHostname(store: Store, row: Pick<ContainerRow, "id">, options: ContainerOptions): string {
  if (options.hostname) return options.hostname;
  const { uts, network } = options.namespaces ?? {};
  const shared = [uts, network].find((word) => word === "host" || word?.startsWith("container:"));
  if (shared === "host") return readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
  const joined = shared === undefined ? undefined : lookUp(store, shared.slice("container:".length));
  return joined === undefined ? shortId(row.id) : containerHostname(store, joined, JSON.parse(joined.options) as ContainerOptions);
}

/** One that is gone is missed by what needs it. */
function lookUp(store: Store, reference: string): ContainerRow | undefined {
  try {
    return findContainer(store, reference);
  } catch {
    return undefined;
  }
}
