import type { OciSeccomp } from "../oci-config.ts";
import profile from "./default-profile.json" with { type: "json" };
import { type DockerSeccompProfile, type ProfileContext, resolveDockerProfile } from "./docker-profile.ts";

/**
 * The profile of a container that names none, for its capabilities. It is docker's (see NOTICE), with one difference: docker allows
 * socket(2) for every family above AF_VSOCK, which `AF_VSOCK | 1 << 32` passes too while the kernel looks at the low half only. Here the
 * families are listed.
 */
export function defaultSeccompProfile(context: ProfileContext): OciSeccomp {
  return resolveDockerProfile(profile as DockerSeccompProfile, context);
}
