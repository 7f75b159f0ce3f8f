/** What the kernel and host offer, as far as a launch plan depends on it. */
export interface HostFeatures {
  /** overlayfs takes `lowerdir+`, by name and by descriptor. */
  readonly overlayLowerdirPlus: boolean;
  /** Capabilities (bit mask) that we may pass on: those beyond it can't be given to a container. */
  readonly capabilities: bigint;
  /** AppArmor is on: a container can be given a profile. */
  readonly apparmor: boolean;
  /** The profile `wherry-default` is loaded: it takes the host's apparmor_parser. */
  readonly apparmorDefault: boolean;
  /** SELinux is on: processes and mounts can be given labels. */
  readonly selinux?: boolean;
  readonly architecture: "x86_64" | "aarch64";
  /** Whether time namespaces exist. */
  readonly timeNamespaces: boolean;
  /** Idmapped mounts work on the file system of the layers, and as layers of an overlay. */
  readonly idmappedMounts: boolean;
}
