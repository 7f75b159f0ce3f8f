import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "./container-options.ts";
import type { NamespaceChoices } from "./namespaces.ts";

const ipcNames = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;

/**
 * The sysctls to write: docker's two network defaults (low ports and ping without privilege), then the user's, of which only
 * those are taken that belong to a namespace of the container's own.
 * @throws {EngineError} INVALID_OPTION.
 */
export function buildSysctls(options: Pick<ContainerOptions, "sysctls">, choices: NamespaceChoices): Record<string, string> {
  const result: Record<string, string> = {};
  if (choices.network.kind === "own") {
    result["net.ipv4.ip_unprivileged_port_start"] = "0";
    // In a user namespace 2147483647 is not a mapped gid; docker leaves it out there as well.
    if (choices.user.kind === "host") result["net.ipv4.ping_group_range"] = "0 2147483647";
  }
  for (const [given, value] of Object.entries(options.sysctls ?? {})) {
    const name = given.replaceAll("/", ".");
    const owner = name.startsWith("net.") ? "network" : ipcNames.test(name) ? "ipc" : name === "kernel.domainname" ? "uts" : undefined;
    if (owner === undefined || name.includes(".."))
      throw invalidOption(`sysctl "${given}" is not namespaced and can't be set for one container`);
    if (choices[owner].kind !== "own") {
      throw invalidOption(
        `sysctl "${given}" not allowed in ${choices[owner].kind === "host" ? "the host's" : "another container's"} ${owner} namespace`,
      );
    }
    result[name] = value;
  }
  return result;
}
