import type { DiffId, ImageId } from "../../src/core/brands.ts";
import { newContainerId } from "../../src/core/ids.ts";
import type { ContainerRow } from "../../src/state/container-row.ts";

/** A created container `box` of two layers, changed as given. */
export function storedContainer(change: Partial<ContainerRow> = {}): ContainerRow {
  return {
    id: newContainerId(),
    name: "box",
    image: "base",
    imageId: "sha256:0" as ImageId,
    createdAt: "2026-01-01T00:00:00.000000001Z",
    options: "{}",
    process: "{}",
    layers: ["sha256:a", "sha256:b"] as DiffId[],
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
    autoRemove: false,
    stopRequested: false,
    starts: 0,
    ...change,
  };
}
