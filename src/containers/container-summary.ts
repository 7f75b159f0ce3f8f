import type { ContainerOptions } from "../spec/container-options.ts";
import type { ResolvedProcess } from "../spec/resolve-process.ts";
import type { ContainerRow, RowStatus } from "../state/container-row.ts";
import type { ContainerStatus, ContainerSummary } from "./container-view.ts";
import { mountViews } from "./mount-views.ts";

/** What `ps` shows of a row of the data root `root`. Pure. */
export function summarize(row: ContainerRow, root: string): ContainerSummary {
  const options = JSON.parse(row.options) as ContainerOptions;
  const process = JSON.parse(row.process) as ResolvedProcess;
  return {
    id: row.id,
    name: row.name,
    image: row.image,
    imageId: row.imageId,
    command: [...(process.entrypoint ?? []), ...(process.command ?? [])],
    createdAt: new Date(row.createdAt),
    status: publicStatus(row.status, row.starts),
    startedAt: row.startedAt === null ? null : new Date(row.startedAt),
    finishedAt: row.finishedAt === null ? null : new Date(row.finishedAt),
    exitCode: row.status === "running" || row.status === "paused" ? null : row.exitCode,
    labels: process.labels,
    mounts: mountViews(options, root),
    networkMode: options.namespaces?.network ?? "none",
  };
}

export function publicStatus(status: RowStatus, starts: number): ContainerStatus {
  switch (status) {
    case "starting":
      return starts > 0 ? "exited" : "created";
    case "ending":
      return "exited";
    case "removing":
      return "dead";
    case "created":
    case "running":
    case "paused":
    case "exited":
      return status;
    default:
      return status satisfies never;
  }
}
