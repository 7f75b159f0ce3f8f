import { EngineError } from "../core/engine-error.ts";
import type { ContainerRow } from "../state/container-row.ts";

/** The row, if its process exists (running or paused). @throws {EngineError} CONTAINER_NOT_RUNNING with docker's text. */
export function requireStarted(row: ContainerRow, doing: string): ContainerRow {
  if (row.status === "running" || row.status === "paused") return row;
  throw notRunning(row, doing);
}

export function notRunning(row: ContainerRow, doing: string): EngineError {
  return new EngineError({
    kind: "conflict",
    code: "CONTAINER_NOT_RUNNING",
    message: `cannot ${doing} container: ${row.name}: Container ${row.id} is not running`,
  });
}

/** The row, if it runs and is not paused. @throws {EngineError} CONTAINER_NOT_RUNNING, CONTAINER_PAUSED. */
export function requireRunning(row: ContainerRow, doing: string): ContainerRow {
  if (row.status === "paused") {
    throw new EngineError({
      kind: "conflict",
      code: "CONTAINER_PAUSED",
      message: `cannot ${doing} container: Container ${row.name} is ${doing === "pause" ? "already paused" : "paused, unpause it first"}`,
    });
  }
  return requireStarted(row, doing);
}
