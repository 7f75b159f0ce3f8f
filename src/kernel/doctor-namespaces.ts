import { existsSync } from "node:fs";
import { release } from "node:os";
import type { DoctorItem, DoctorSection } from "./doctor-report.ts";
import { limited, missing, ok, readSmall } from "./doctor-item.ts";
import { isKernelAtLeast, kernelFloor } from "./kernel-release.ts";

/** What a container without the namespace shares with the host. */
const NAMESPACES: readonly (readonly [file: string, name: string, option: string, without: string])[] = [
  ["mnt", "mount", "MNT_NS", "containers can't be made"],
  ["uts", "UTS", "UTS_NS", "containers can't have a host name of their own"],
  ["ipc", "IPC", "IPC_NS", "containers share System V IPC and message queues with the host"],
  ["pid", "PID", "PID_NS", "containers can't be made"],
  ["net", "network", "NET_NS", "containers can only use the host's network (`--network host`)"],
  ["user", "user", "USER_NS", "`--userns auto` fails; containers' root is the host's"],
  ["cgroup", "cgroup", "CGROUPS", "containers see the host's control groups"],
  ["time", "time", "TIME_NS", "containers see the host's uptime (`--time host`)"],
];

/** The kernel's version and its eight namespaces. */
export function examineKernel(): DoctorSection {
  const running = release();
  const version = isKernelAtLeast(kernelFloor)
    ? ok("kernel", `Linux ${running} (${kernelFloor} or later is needed)`)
    : missing("kernel", `Linux ${running}`, `Wherry refuses to run containers: install Linux ${kernelFloor} or later`);
  return { title: "Kernel", items: [version, ...NAMESPACES.map(examineNamespace), ...userNamespaceLimits()] };
}

function examineNamespace([file, name, option, without]: (typeof NAMESPACES)[number]): DoctorItem {
  if (existsSync(`/proc/self/ns/${file}`)) return ok(`${name} namespace`, `/proc/self/ns/${file}`);
  return missing(`${name} namespace`, "not in /proc/self/ns", `${without}; use a kernel with CONFIG_${option}`);
}

function userNamespaceLimits(): readonly DoctorItem[] {
  if (!existsSync("/proc/self/ns/user")) return [];
  const most = Number(readSmall("/proc/sys/user/max_user_namespaces") ?? 0);
  const items: DoctorItem[] = [];
  if (most > 0) items.push(ok("user namespaces allowed", `user.max_user_namespaces = ${most}`));
  else
    items.push(
      missing("user namespaces allowed", "user.max_user_namespaces = 0", "`--userns auto` fails; `sysctl user.max_user_namespaces=15000`"),
    );
  // Debian's and Ubuntu's own switches; root is not bound by them.
  const debian = readSmall("/proc/sys/kernel/unprivileged_userns_clone");
  const ubuntu = readSmall("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  const off = [
    debian === "0" ? "kernel.unprivileged_userns_clone=1" : "",
    ubuntu === "1" ? "kernel.apparmor_restrict_unprivileged_userns=0" : "",
  ].filter(Boolean);
  if (off.length > 0)
    items.push(
      limited(
        "user namespaces without root",
        "switched off",
        `rootless use will need \`sysctl ${off.join(" ")}\`; Wherry as root is not concerned`,
      ),
    );
  return items;
}
