import type { HostPath } from "../core/brands.ts";
import { examineCgroups } from "./doctor-cgroups.ts";
import { examineFilesystems } from "./doctor-filesystems.ts";
import { examineKernel } from "./doctor-namespaces.ts";
import { examineNetwork } from "./doctor-network.ts";
import type { DoctorReport } from "./doctor-report.ts";
import { examineSecurity } from "./doctor-security.ts";
import { KernelConfig } from "./kernel-config.ts";

export interface DoctorOptions {
  /** The data root, existing or not. */
  readonly root: HostPath;
  /** `core/ids.ts` instanceName(root): names Wherry's own control group. */
  readonly instance?: string;
  /** How image layers are stored there, and why. */
  readonly layerDriver?: { readonly name: string; readonly reason: string };
}

/** What this kernel and host offer to containers, and what is limited by what they lack. Changes nothing, loads no module, needs no root. */
export function doctor(options: DoctorOptions): DoctorReport {
  const config = new KernelConfig();
  return {
    sections: [
      examineKernel(),
      examineCgroups(options.instance ?? null),
      examineFilesystems(options.root, config, options.layerDriver),
      examineSecurity(),
      examineNetwork(config),
    ],
  };
}
