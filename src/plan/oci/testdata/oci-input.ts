import type { HostPath } from "../../../core/brands.ts";
import type { OciConfig } from "../../oci-config.ts";
import type { PlanInput } from "../../plan-input.ts";
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
