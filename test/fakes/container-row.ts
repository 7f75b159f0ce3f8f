import type { ContainerDetails } from "../../src/containers/container-view.ts";
import type { ContainerId, ImageId } from "../../src/core/brands.ts";

/** A row as a container that was just created; `change` overrides. */
export function containerRow(change: Partial<ContainerDetails> & { readonly id: ContainerId }): ContainerDetails {
  const { id } = change;
  const directory = `/var/lib/wherry/containers/${id}`;
  return {
    name: "brave_darwin",
    image: "base:latest",
    imageId: `sha256:${"a".repeat(64)}` as ImageId,
    command: ["sh"],
    createdAt: new Date("2026-01-02T03:04:05Z"),
    status: "created",
    startedAt: null,
    finishedAt: null,
    exitCode: null,
    labels: {},
    mounts: [],
    networkMode: "none",
    options: { image: "base:latest" },
    process: {
      entrypoint: null,
      command: ["sh"],
      path: "sh",
      args: [],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      workingDirectory: "/",
      user: "",
      stopSignal: "",
      exposedPorts: [],
      volumes: [],
    },
    pid: 0,
    oomKilled: false,
    error: "",
    restartCount: 0,
    hostname: id.slice(0, 12),
    paths: {
      containerDirectory: directory,
      resolvConf: `${directory}/resolv.conf`,
      hostname: `${directory}/hostname`,
      hosts: `${directory}/hosts`,
      log: `${directory}/log`,
      upper: `${directory}/upper`,
      work: `${directory}/work`,
      lowers: [`/var/lib/wherry/layers/${"1".repeat(64)}`],
    },
    cgroupPath: `/wherry/${id}`,
    apparmorProfile: "",
    layerDriver: "directory",
    execIds: [],
    ...change,
  };
}
