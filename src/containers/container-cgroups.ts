import type { ContainerId } from "../core/brands.ts";
import type { CgroupPath } from "../core/cgroup-layout.ts";
import { freezeCgroup, killCgroup, removeCgroup, removeEmptyCgroup, thawCgroup } from "../kernel/cgroup-control.ts";
import { type CgroupGroup, listCgroupPids } from "../kernel/cgroup-group.ts";
import { detectCgroupLayout } from "../kernel/cgroup-layout.ts";
import { type CgroupRoot, cgroupRootPath, ensureCgroupRoot } from "../kernel/cgroup-root.ts";
import { readCgroupStats, readOomKills } from "../kernel/cgroup-stats.ts";
import type { ContainerStats } from "../kernel/container-stats.ts";
import { type CompiledCgroups, compileCgroups } from "../plan/cgroups/compile-cgroups.ts";
import type { OciResources } from "../plan/oci-config.ts";

/** The control groups of one data root's containers: `ROOT/ID` in every hierarchy of this host. */
export class ContainerCgroups {
  readonly #instance: string;
  #layout: ReturnType<typeof detectCgroupLayout> | undefined;
  #root: CgroupRoot | undefined;

  constructor(instance: string) {
    this.#instance = instance;
  }

  /** Makes Wherry's own group if it is not there. @throws {EngineError} CGROUP_SETUP_FAILED */
  ensureRoot(): CgroupRoot {
    this.#root ??= ensureCgroupRoot(this.#detect(), this.#instance);
    return this.#root;
  }

  path(id: ContainerId): CgroupPath {
    return `${cgroupRootPath(this.#detect(), this.#instance)}/${id}`;
  }

  /** Where a new container's process goes and what is written there. @throws {EngineError} CGROUP_CONTROLLER_MISSING, INVALID_OPTION. */
  plan(id: ContainerId, resources: OciResources, defaulted: ReadonlySet<string>): CompiledCgroups {
    const { layout, path, hasFile } = this.ensureRoot();
    return compileCgroups({ resources, layout, root: path, path: `${path}/${id}`, hasFile, defaulted });
  }

  freeze(id: ContainerId): Promise<void> {
    return freezeCgroup(this.group(id));
  }

  thaw(id: ContainerId): void {
    thawCgroup(this.group(id));
  }

  /** Kills all that is left in it. A group that is gone is fine. */
  kill(id: ContainerId): Promise<void> {
    return killCgroup(this.group(id));
  }

  /**
   * Removes the group; what is left in it is killed (a container without a pid namespace of its own may leave processes). Idempotent.
   * @throws {EngineError} CGROUP_BUSY
   */
  async remove(id: ContainerId): Promise<void> {
    const group = this.group(id);
    if (removeEmptyCgroup(group)) return;
    await killCgroup(group);
    await removeCgroup(group);
  }

  pids(id: ContainerId): readonly number[] {
    return listCgroupPids(this.group(id));
  }

  stats(id: ContainerId): ContainerStats {
    return readCgroupStats(this.group(id));
  }

  oomKills(id: ContainerId): number {
    return readOomKills(this.group(id));
  }

  #detect(): ReturnType<typeof detectCgroupLayout> {
    this.#layout ??= detectCgroupLayout();
    return this.#layout;
  }

  /** Where its limits are. */
  group(id: ContainerId): CgroupGroup {
    return { layout: this.#detect(), path: this.path(id) };
  }
}
