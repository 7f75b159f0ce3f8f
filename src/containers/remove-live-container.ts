import { EngineError } from "../core/engine-error.ts";
import { shortId } from "../core/ids.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { reconcile } from "./reconcile.ts";
import { removeStopped } from "./remove-container.ts";
import { waitContainer, waitUntilSettled } from "./wait-container.ts";

/** How long a start that hangs (its launcher is stopped, say) keeps `rm -f` waiting before it is ended. */
const startPatienceMs = 1_000;

/**
 * `rm`: removes a container whatever state it is in when `force` is given, else only one that does not run; with `volumes` also those that
 * were made for it alone. Resolves when it is
 * gone; being removed by somebody else at the same time is success too.
 * @throws {EngineError} CONTAINER_RUNNING.
 */
export async function removeContainer(
  host: ContainerHost,
  found: ContainerRow,
  { force = false, volumes = false }: { readonly force?: boolean; readonly volumes?: boolean },
): Promise<void> {
  for (let row = await reconcile(host, found.id); row !== undefined; row = await reconcile(host, found.id)) {
    switch (row.status) {
      case "running":
      case "paused": {
        if (!force) throw refused(row);
        const { killContainer } = await import("./stop-container.ts");
        await killContainer(host, row);
        break;
      }
      case "starting":
      case "ending":
        await untilSettled(host, row, force);
        break;
      case "removing":
        await waitContainer(host, row, { condition: "removed" });
        break;
      case "created":
      case "exited":
        if (!(await removeStopped(host, row, { volumes }))) await untilSettled(host, row, force);
        break;
      default:
        row.status satisfies never;
    }
  }
}

async function untilSettled(host: ContainerHost, row: ContainerRow, force: boolean): Promise<void> {
  const settled = await waitUntilSettled(host, row.id, force ? startPatienceMs : undefined);
  if (!force || settled?.status !== "starting" || settled.owner !== row.owner) return;
  const { killLaunchers } = await import("./stray-launcher.ts");
  await killLaunchers(host, row.id);
}

function refused(row: ContainerRow): EngineError {
  const what = row.status === "paused" ? "paused container" : "running container";
  return new EngineError({
    kind: "conflict",
    code: "CONTAINER_RUNNING",
    message: `cannot remove container "/${row.name}": container is ${row.status}: stop the container before removing or force remove (${what} ${shortId(row.id)})`,
  });
}
