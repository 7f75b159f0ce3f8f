import type { RunnableImage } from "../images/runnable-image.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { launchInput } from "./launch-input.ts";

/**
 * Refuses at `create` what `start` would refuse, by making the launch input for nothing: one set of rules, checked early.
 * Returns the warnings that `start` would give.
 * @throws {EngineError} INVALID_OPTION, USER_NOT_FOUND, CGROUP_CONTROLLER_MISSING. A joined container need not run yet.
 */
export async function validateOptions(host: ContainerHost, row: ContainerRow, image: RunnableImage): Promise<readonly string[]> {
  const input = await launchInput(host, row, { accounts: { passwd: image.passwd, group: image.group }, joinsMayBeMissing: true });
  return input.warnings;
}
