import { makeCgroup } from "../kernel/make-cgroup.ts";
import { startScope } from "../kernel/systemd-scope.ts";
import { scopeProperties } from "../plan/cgroups/scope-properties.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { buildResources } from "../spec/resources.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";

/**
 * Makes the group of a container with `--cgroup-parent`, and those above it, ready for the limits. As with docker, what is above stays when the
 * container goes: it may be somebody's. Dispose of the result when the container's process is in the group.
 * @throws {EngineError} CGROUP_SETUP_FAILED, INVALID_OPTION
 */
export function makeParentedGroup(host: ContainerHost, row: ContainerRow): Disposable | null {
  const { layout } = host.cgroups.ensureRoot();
  const group = host.cgroups.parented(row);
  if (group === null) return null;
  const { path, scope } = group;
  if (scope === null) {
    makeCgroup(layout, path, { enableAbove: true });
    return null;
  }
  const properties = scopeProperties(buildResources(JSON.parse(row.options) as ContainerOptions, []));
  const started = startScope({ ...scope, path, properties, launcher: host.launcher, description: `container ${row.id}` });
  // What systemd makes none of: v1's controllers that it does not know.
  makeCgroup(layout, path, { enableAbove: false });
  return started;
}
