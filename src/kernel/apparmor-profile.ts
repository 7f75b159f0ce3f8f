/** The profile that confines a container unless another is asked for. */
export const appArmorProfileName = "wherry-default";

/** Raise it when the text changes: a host then loads it anew without a reboot. */
export const appArmorProfileVersion = 1;

/**
 * The default profile's text for apparmor_parser(8). It allows what a container needs and denies writing to the parts of /proc and /sys
 * that act on the host, and mounting. Same rules as docker's `docker-default`: one more wall behind namespaces, capabilities and seccomp.
 * @param host whether the host has AppArmor's usual includes.
 * @see apparmor.d(5), github.com/moby/profiles apparmor
 */
export function appArmorProfileText(host: { readonly hasTunables: boolean; readonly hasBase: boolean }): string {
  const name = appArmorProfileName;
  return `${host.hasTunables ? "#include <tunables/global>" : "@{PROC}=/proc/"}

profile ${name} flags=(attach_disconnected,mediate_deleted) {
${host.hasBase ? "  #include <abstractions/base>" : ""}
  network,
  capability,
  file,
  umount,

  # The host may signal its containers, and a container itself.
  signal (receive) peer=unconfined,
  signal (send,receive) peer=${name},
  ptrace (trace,read,tracedby,readby) peer=${name},

  # Of /proc only processes' own directories and shared memory's limits may be written.
  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,

  deny mount,

  # Of /sys only cgroups.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
}
