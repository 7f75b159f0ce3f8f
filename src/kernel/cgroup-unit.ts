import { EngineError } from "../core/engine-error.ts";

/** How long another process may take to start the same unit. */
const PATIENCE_MS = 10_000;

/**
 * Has systemd start a service whose group is delegated to Wherry, and waits until `isThere`. Its one process only keeps the unit alive:
 * systemd removes the group of a unit without processes (also of one with RemainAfterExit), which would cost every first container of an
 * idle host a round trip to systemd. Stopping the unit stops all containers.
 *
 * OOMPolicy: a container that is killed for its memory must not take the unit along. TasksMax: a service gets 15 % of the host's by default.
 * @throws {EngineError} CGROUP_SETUP_FAILED
 * @see systemd.resource-control(5) Delegate=, systemd-run(1)
 */
export function startCgroupUnit(unit: string, isThere: () => boolean): void {
  if (isThere()) return;
  const properties = ["Type=exec", "Delegate=yes", "OOMPolicy=continue", "TasksMax=infinity", "TimeoutStopSec=20"];
  const result = process
    .getBuiltinModule("node:child_process")
    .spawnSync(
      "systemd-run",
      [
        "--quiet",
        "--collect",
        `--unit=${unit}`,
        "--description=Wherry's containers",
        ...properties.map((line) => `--property=${line}`),
        "sleep",
        "infinity",
      ],
      { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" },
    );
  if (isThere()) return;
  if (result.error === undefined && /already/.test(result.stderr)) {
    // Somebody else is starting it at this very moment.
    const end = performance.now() + PATIENCE_MS;
    const clock = new Int32Array(new SharedArrayBuffer(4));
    while (performance.now() < end) {
      if (isThere()) return;
      Atomics.wait(clock, 0, 0, 5);
    }
  }
  const reason = result.error?.message ?? result.stderr.trim();
  throw new EngineError({
    kind: "failedPrecondition",
    code: "CGROUP_SETUP_FAILED",
    message: `start the systemd unit \`${unit}\` that holds the containers' control groups: ${reason === "" ? "its group did not appear" : reason}`,
  });
}
