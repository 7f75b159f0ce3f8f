import type { HostPath } from "../../../core/brands.ts";
import type { OciConfig, OciSeccomp } from "../../oci-config.ts";
import type { PlanInput } from "../../plan-input.ts";
import { compileSeccomp } from "../../seccomp/compile-seccomp.ts";
import { SAMPLE_FEATURES, samplePlanInputs } from "../../testdata/plan-inputs.ts";
import { ociExtensions } from "../oci-extensions.ts";

const samples = samplePlanInputs({
  lowers: [],
  directory: "/bundle",
  bundle: "/bundle/rootfs",
  cgroups: null,
  features: SAMPLE_FEATURES,
  target: { pid: 4242, startTime: 1000n },
  command: ["sh", "-c", "true"],
  idBase: 100_000,
});

const fields: Pick<OciConfig, "hooks" | "annotations"> = {
  annotations: { "org.example.name": "value" },
  hooks: {
    prestart: [{ path: "/hooks/prestart" }],
    createRuntime: [{ path: "/hooks/create-runtime", args: ["create-runtime", "argument"], env: ["NAME=value"], timeout: 10 }],
    createContainer: [{ path: "/hooks/create-container" }],
    startContainer: [{ path: "/hooks/start-container" }],
  },
};

/** A member of a pod: namespaces that others have made, interfaces, mounts with mappings, an agent for its filter. */
export function podInput(): PlanInput {
  const { execInto: _, ...input } = ociInput("container");
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const seccomp: OciSeccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mount"], action: "SCMP_ACT_NOTIFY" }],
    listenerPath: "/run/agent.sock",
    listenerMetadata: "of the pod",
  };
  return {
    ...input,
    config: {
      ociVersion: "1.2.0",
      process: { cwd: "/", args: ["/program"], noNewPrivileges: true },
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] },
        {
          destination: "/data",
          type: "bind",
          source: "data",
          options: ["rbind", "ridmap", "rro", "rslave"],
          uidMappings: mapping,
          gidMappings: [{ containerID: 5, hostID: 6, size: 7 }],
        },
        { destination: "/passed", type: "bind", source: "/proc/self/fd/7", options: ["bind", "idmap"] },
        { destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "ro", "shared"] },
      ],
      linux: {
        namespaces: [
          { type: "mount" },
          { type: "pid" },
          { type: "user", path: "/run/ns/user" },
          { type: "network", path: "/run/ns/net" },
          { type: "ipc", path: "/run/ns/ipc" },
        ],
        rootfsPropagation: "rslave",
        netDevices: { eth7: { name: "uplink" } },
        intelRdt: { closID: "gold", schemata: ["L3:0=f"], memBwSchema: "MB:0=50", enableMonitoring: true },
        seccomp,
      },
    },
    joinedMappings: { uid: mapping, gid: mapping },
    netDevices: { eth7: { index: 7, addresses: [{ address: [198, 51, 100, 7], prefix: 25 }] } },
    resctrl: "/sys/fs/resctrl" as HostPath,
    clientPid: 4711,
    seccompProgram: compileSeccomp(seccomp, "x86_64"),
  };
}

/** A made-up configuration that uses what `ociExtensions` takes care of. */
export function ociInput(name: "container" | "exec"): PlanInput {
  const sample = samples[name === "exec" ? "exec" : "bundle"];
  if (sample?.config.process === undefined) throw new Error(`no sample ${name}`);
  return {
    ...sample,
    config: {
      ...sample.config,
      ...fields,
      process: {
        ...sample.config.process,
        scheduler: {
          policy: "SCHED_DEADLINE",
          flags: ["SCHED_FLAG_RESET_ON_FORK"],
          runtime: 1_000_000,
          deadline: 5_000_000,
          period: 5_000_000,
        },
        ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 },
        execCPUAffinity: { initial: "0-1", final: "1,3" },
      },
      linux: { ...sample.config.linux, memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] } },
    },
    identity: { id: "sample", bundle: "/bundle" as HostPath },
    extensions: ociExtensions,
  };
}
