import { existsSync } from "node:fs";
import { allCapabilities } from "../core/all-capabilities.ts";
import { findAppArmorParser } from "./apparmor.ts";
import { appArmorProfileName } from "./apparmor-profile.ts";
import { isAppArmorEnabled, isProfileLoaded } from "./apparmor-state.ts";
import { limited, missing, ok, readSmall } from "./doctor-item.ts";
import type { DoctorItem, DoctorSection } from "./doctor-report.ts";
import { readOwnCapabilities } from "./host-features.ts";

/** What Wherry itself can't do without a capability. */
const OWN_USE: Readonly<Record<string, string>> = {
  CAP_SYS_ADMIN: "containers can't be made at all",
  CAP_SYS_CHROOT: "containers can't be made at all",
  CAP_SETUID: "containers can't change their user",
  CAP_SETGID: "containers can't change their group",
  CAP_SETPCAP: "capabilities can't be taken from containers",
  CAP_MKNOD: "device nodes can't be made in containers",
  CAP_CHOWN: "files of images can't be given their owner",
  CAP_DAC_OVERRIDE: "files of other users can't be handled",
  CAP_NET_ADMIN: "containers can't have a network of their own",
  CAP_KILL: "containers' processes can't be signalled",
  CAP_SYS_PTRACE: "containers' namespaces can't be entered (`exec`)",
  CAP_SYS_RESOURCE: "raising a limit above our own (`--ulimit`, a lower `--oom-score-adj`) fails",
};

/** Filters, security modules and our own capabilities. */
export function examineSecurity(): DoctorSection {
  return { title: "Security", items: [seccomp(), ...appArmor(), ...otherModules(), ...capabilities()] };
}

function seccomp(): DoctorItem {
  const actions = readSmall("/proc/sys/kernel/seccomp/actions_avail");
  if (actions === null)
    return missing(
      "seccomp",
      "no /proc/sys/kernel/seccomp",
      "containers may use every system call; run with `--security-opt seccomp=unconfined`, or use a kernel with CONFIG_SECCOMP_FILTER",
    );
  const wanted = ["kill_process", "errno", "trace", "log", "allow"].filter((action) => !actions.split(" ").includes(action));
  return wanted.length === 0
    ? ok("seccomp", `filters: ${actions}`)
    : limited("seccomp", `filters: ${actions}`, `profiles that use ${wanted.join(", ")} are refused by the kernel`);
}

function appArmor(): readonly DoctorItem[] {
  if (!existsSync("/sys/module/apparmor")) return [];
  const name = "AppArmor";
  if (readSmall("/sys/module/apparmor/parameters/enabled") !== "Y")
    return [
      limited(name, "in the kernel, switched off", "containers run without an AppArmor profile; boot with `apparmor=1 security=apparmor`"),
    ];
  if (!isAppArmorEnabled())
    return [
      limited(
        name,
        "on, but securityfs is not mounted",
        "containers run without an AppArmor profile; `mount -t securityfs none /sys/kernel/security`",
      ),
    ];
  if (isProfileLoaded(appArmorProfileName)) return [ok(name, `on, profile ${appArmorProfileName} is loaded`)];
  const parser = findAppArmorParser();
  if (parser === undefined)
    return [limited(name, "on, no apparmor_parser", "containers run without an AppArmor profile; install the package `apparmor`")];
  return [ok(name, `on, ${parser} loads profile ${appArmorProfileName} with the first container`)];
}

function otherModules(): readonly DoctorItem[] {
  const list = readSmall("/sys/kernel/security/lsm");
  if (list === null)
    return [
      limited(
        "security modules",
        "/sys/kernel/security is not mounted",
        "which modules are active can't be told; `mount -t securityfs none /sys/kernel/security`",
      ),
    ];
  const items = [ok("security modules", list)];
  if (list.split(",").includes("selinux"))
    items.push(
      limited("SELinux", "active", "containers get no SELinux label of their own: a policy may forbid them things (`ausearch -m avc`)"),
    );
  return items;
}

function capabilities(): readonly DoctorItem[] {
  const own = readOwnCapabilities();
  const last = Number(readSmall("/proc/sys/kernel/cap_last_cap") ?? allCapabilities.length - 1);
  const lacking = allCapabilities.filter((_, bit) => bit <= last && ((own >> BigInt(bit)) & 1n) === 0n);
  if (lacking.length === 0) return [ok("capabilities", "all")];
  return lacking.map((name) => {
    const use = OWN_USE[name];
    const general = "containers can't be given it (`--cap-add`, `--privileged`)";
    const detail = "not among our own";
    if (use === undefined) return limited(name, detail, general);
    const make = name === "CAP_SYS_RESOURCE" ? limited : missing;
    return make(name, detail, `${use}; ${general}`);
  });
}
