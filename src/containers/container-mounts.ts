import { existsSync } from "node:fs";
import { fileMounts } from "../runtime/file-mounts.ts";
import type { OciMount } from "../plan/oci-config.ts";
import type { MountedPieces } from "../plan/tree-plan.ts";
import type { ContainerOptions } from "../spec/container-options.ts";
import { buildMounts, managedDestinations } from "../spec/mounts.ts";
import { parseNamespaces } from "../spec/namespaces.ts";
import type { ContainerRow } from "../state/container-row.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";
import { mountSources } from "./mount-sources.ts";

/** A container's mounts as its options have them: all, and what is needed to make those that lead to files outside of it. */
export interface ContainerMounts {
  /** Those of the kernel's file systems and memory file systems among them. */
  readonly all: readonly OciMount[];
  readonly pieces: MountedPieces;
}

/** Of one that does not run: a source that is not there (any more) is left out, where a start would fail. */
export function containerMounts(host: ContainerHost, row: ContainerRow, idBase: number | null): ContainerMounts {
  const settings = JSON.parse(row.options) as ContainerOptions;
  const paths = containerPaths(host.root, host.runRoot, row.id);
  const { subpaths, layerMounts, fileSubpaths, ...sources } = mountSources(host, settings, idBase);
  const all = buildMounts(settings, {
    hosts: paths.hosts,
    hostname: paths.hostname,
    resolvConf: paths.resolvConf,
    userNamespace: parseNamespaces(settings.namespaces ?? {}).user.kind === "own",
    joinedShm: null,
    ...sources,
  });
  const mounts = all.filter(
    ({ type, source, destination }) =>
      layerMounts[destination] !== undefined || (type === "bind" && !destination.startsWith("/sys") && existsSync(source ?? "")),
  );
  const files = [...fileMounts({ ociVersion: "1.2.0", mounts }), ...fileSubpaths];
  return { all, pieces: { mounts, fileMounts: files, entryMounts: managedDestinations, subpaths, layerMounts } };
}
