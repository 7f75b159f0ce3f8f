import { allCapabilities } from "../../core/all-capabilities.ts";
import { buildInfo } from "../../core/build-info.ts";
import { knownMountOptions } from "../../plan/mount-options.ts";
import { NAMESPACES } from "../../plan/namespaces.ts";
import { FLAG_BITS } from "../../plan/seccomp/compile-seccomp.ts";
import { seccompArchitectures } from "../../plan/seccomp/seccomp-architecture.ts";
import { parseLine } from "../command-line.ts";
import type { OciCommand } from "../oci-context.ts";
import { specVersion } from "../oci-version.ts";

const hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
const actions = [
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_TRAP",
];
const operators = ["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"];

/** What this program has been built to do, whatever the host offers. @see runtime-spec features.md */
export const features: OciCommand = {
  flags: {},
  async run(args, context) {
    parseLine({}, args);
    context.print(`${JSON.stringify(featureList(), null, 2)}\n`);
    return 0;
  },
};

function featureList(): object {
  const flags = Object.keys(FLAG_BITS).sort();
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: specVersion,
    hooks,
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: Object.keys(NAMESPACES).sort(),
      capabilities: [...allCapabilities].sort(),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions,
        operators,
        archs: [...new Set(Object.values(seccompArchitectures).flatMap((list) => list.map(({ name }) => name)))].sort(),
        knownFlags: flags,
        supportedFlags: flags,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { "wherry.version": buildInfo.version, ...(buildInfo.commit === "" ? {} : { "wherry.commit": buildInfo.commit }) },
  };
}
