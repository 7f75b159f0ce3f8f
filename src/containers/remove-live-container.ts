import { EngineError } from "../core/engine-error.ts";
import { shortId } from "../core/ids.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { reconcile } from "./reconcile.ts";
import { busy, removeStopped } from "./remove-container.ts";
import { waitContainer } from "./wait-container.ts";

/**
 * `rm`: removes a container whatever state it is in when `force` is given, else only one that does not run. Resolves when it is
 * gone; being removed by somebody else at the same time is success too.
 * @throws {EngineError} CONTAINER_RUNNING, CONTAINER_BUSY.
 */
export async function removeContainer(host: ContainerHost, found: ContainerRow, force: boolean): Promise<void> {
  const row = await reconcile(host, found.id);
  if (row === undefined) return;
  if (row.status === "running" || row.status === "paused") {
    if (!force) throw refused(row);
    const { killContainer } = await import("./stop-container.ts");
    await killContainer(host, row);
    const ended = await reconcile(host, row.id);
    if (ended !== undefined) await removeContainer(host, ended, force);
    return;
  }
  if (row.status === "starting") {
    if (!force) throw busy(row, "remove");
    const { waitForStart } = await import("./wait-container.ts");
    await waitForStart(host, row.id);
    return removeContainer(host, row, force);
  }
  if (row.status === "removing" || !(await removeStopped(host, row))) await waitContainer(host, row, { condition: "removed" });
}

function refused(row: ContainerRow): EngineError {
  const what = row.status === "paused" ? "paused container" : "running container";
  return new EngineError({
    kind: "conflict",
    code: "CONTAINER_RUNNING",
    message: `cannot remove container "/${row.name}": container is ${row.status}: stop the container before removing or force remove (${what} ${shortId(row.id)})`,
  });
}
