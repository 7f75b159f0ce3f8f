import type { HostPath } from "../../src/core/brands.ts";
import type { OciConfig, OciLinux, OciMount, OciProcess } from "../../src/plan/oci-config.ts";
import { ociExtensions } from "../../src/plan/oci/oci-extensions.ts";
import type { PlanInput } from "../../src/plan/plan-input.ts";
import type { PlanHost, SampleLaunch } from "./plan-host.ts";

/** What differs from a sample of `src/plan/testdata`. */
export interface OciChange {
  readonly sample?: string;
  readonly process?: Partial<OciProcess>;
  readonly linux?: Partial<OciLinux>;
  readonly config?: Partial<OciConfig>;
  /** After the sample's; those with the same destination are replaced. */
  readonly mounts?: readonly OciMount[];
  readonly input?: Partial<PlanInput>;
  readonly launch?: Omit<SampleLaunch, "script">;
}

/** A sample container as an OCI runtime compiles it: with an identity, and the fields that `wherry run` has no option for. */
export function ociInput(host: PlanHost, script: string, change: OciChange): PlanInput {
  const { sample = "default", mounts = [], launch = {} } = change;
  const input = host.inputOf(sample, { script, ...launch });
  const { process } = input.config;
  if (process === undefined) throw new Error(`the sample ${sample} has no process`);
  const replaced = new Set(mounts.map(({ destination }) => destination));
  const kept = (input.config.mounts ?? []).filter(({ destination }) => !replaced.has(destination));
  return {
    ...input,
    config: {
      ...input.config,
      process: { ...process, ...change.process },
      mounts: [...kept, ...mounts],
      linux: { ...input.config.linux, ...change.linux },
      ...change.config,
    },
    identity: { id: "oci", bundle: host.directory as HostPath },
    extensions: ociExtensions,
    ...change.input,
  };
}
