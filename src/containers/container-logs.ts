import { EngineError } from "../core/engine-error.ts";
import type { LogEntry, LogOptions } from "../kernel/log-entry.ts";
import { readLog } from "../kernel/log-reader.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { waitContainer } from "./wait-container.ts";

/**
 * The container's log; with `follow` until it ends and the rest is read, or the signal aborts.
 * @throws {EngineError} LOG_NOT_KEPT
 */
export async function* containerLogs(host: ContainerHost, row: ContainerRow, options: LogOptions): AsyncIterable<LogEntry> {
  if ((JSON.parse(row.options) as ContainerOptions).log?.maxBytes === 0)
    throw new EngineError({
      kind: "notImplemented",
      code: "LOG_NOT_KEPT",
      message: `configured logging driver does not support reading: container \`${row.name}\` was created with --log-driver none`,
    });
  const { log } = containerPaths(host.root, host.runRoot, row.id);
  const live = row.status === "running" || row.status === "paused" || row.status === "starting";
  if (options.follow !== true || !live) {
    yield* readLog(log, { ...options, follow: false });
    return;
  }
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const done = waitContainer(host, row, { signal }).then(
    () => undefined,
    () => undefined,
  );
  try {
    yield* readLog(log, { ...options, done });
  } finally {
    stop.abort();
  }
}
