declare const WHERRY_FAULTS: boolean;

/**
 * Every place where the tests kill this process: between any two changes that others can see. A test runs each of them and fails
 * when one is never reached, so a place that is added here is tested, and a place that is lost is noticed.
 */
export const faultPoints = [
  "container-row-stored",
  "container-directory-made",
  "container-directories-made",
  "run-directory-made",
  "managed-files-written",
  "process-started",
  "start-recorded",
  "end-seen",
  "end-recorded",
  "cgroups-removed",
  "run-directory-removed",
  "end-completed",
  "removal-claimed",
  "files-removed",
  "row-deleted",
  "signal-sent",
  "taken-over",
  "exec-directory-made",
  "pause-recorded",
  "frozen",
  "unpause-recorded",
  "held-still",
  "stopped-claimed",
  "stopped-mounted",
  "copy-begins",
  "image-received",
  "layer-unpacked",
  "layer-stored",
  "image-layer-added",
  "image-blob-stored",
  "image-blobs-published",
  "image-recorded",
  "image-row-deleted",
  "garbage-detached",
  "blobs-dropped",
  "volume-row-stored",
  "volume-directory-made",
  "volume-directories-made",
  "volume-fill-claimed",
  "volume-content-copied",
  "volume-content-whole",
  "volume-content-moved",
  "volume-removal-claimed",
  "volume-files-removed",
  "volume-row-deleted",
  "pull-layers-stored",
  "bundle-claimed",
  "bundle-recorded",
  "bundle-group-made",
  "bundle-process-started",
  "bundle-process-recorded",
] as const;

export type FaultPoint = (typeof faultPoints)[number];

/** Dies here when a test build is told to (`WHERRY_FAULT_POINT`). In a release build the call is empty. */
export function faultPoint(name: FaultPoint): void {
  if (typeof WHERRY_FAULTS === "undefined") return;
  if (process.env["WHERRY_FAULT_POINT"] === name) process.kill(process.pid, "SIGKILL");
}
