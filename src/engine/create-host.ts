import type { ContainerHost } from "../containers/container-host.ts";
import { ContainerCgroups } from "../containers/container-cgroups.ts";
import type { HostPath } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import { instanceName } from "../core/ids.ts";
import { findInstallation } from "../core/installation.ts";
import { readBootId } from "../kernel/boot-id.ts";
import { readHostFeatures } from "../kernel/host-features.ts";
import { ownProcess } from "../kernel/process-reference.ts";
import { LocalLayers } from "../layers/local-layers.ts";
import { PlanCache } from "../runtime/plan-cache.ts";
import { Bell } from "../state/bell.ts";
import { openStore } from "../state/store.ts";

/**
 * Opens a data root on this host.
 * @throws {EngineError} NOT_ROOT, STATE_UNAVAILABLE, STATE_TOO_NEW, INSTALLATION_INCOMPLETE.
 */
export function createContainerHost(options: { readonly root: string; readonly runRoot: string }): ContainerHost {
  if (process.getuid?.() !== 0) {
    throw new EngineError({
      kind: "forbidden",
      code: "NOT_ROOT",
      message: "containers are made by root: run wherry as root (sudo wherry …); rootless use is not there yet",
    });
  }
  const { root, runRoot } = options;
  const { launcher, self } = findInstallation();
  const bootId = readBootId();
  const own = ownProcess();
  const instance = instanceName(root);
  const features = readHostFeatures({ runRoot: runRoot as HostPath, root: root as HostPath, bootId });
  return {
    root,
    runRoot,
    instance,
    bootId,
    store: openStore(root),
    bell: new Bell(runRoot),
    layers: new LocalLayers({ root, runRoot, launcher, self }),
    cgroups: new ContainerCgroups(instance),
    features,
    ...(self.length === 1 ? { planCache: new PlanCache(`${runRoot}/plans` as HostPath) } : {}),
    launcher,
    exitHook: [...self, "internal", "exit", root, runRoot],
    owner: `${own.pid}:${own.startTime}:${bootId}`,
  };
}
