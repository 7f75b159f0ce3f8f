import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "./container-options.ts";
import type { NamespaceChoices } from "./namespaces.ts";

/**
 * Refuses options that can't hold together, rather than to drop one of them silently.
 * @throws {EngineError} INVALID_OPTION, in docker's words where docker refuses it too.
 * @see moby/runconfig hostconfig_unix.go
 */
export function refuseConflicts(options: ContainerOptions, { network, uts, user, pid }: NamespaceChoices): void {
  const named = (options.hostname ?? "") !== "" || (options.domainname ?? "") !== "";
  if (named && uts.kind !== "own") throw conflict("hostname and the UTS mode", "that namespace has its name already");
  if (network.kind === "container") {
    if ((options.hostname ?? "") !== "")
      throw conflict("hostname and the network mode", "the container has that of the one that is joined");
    if ((options.dns ?? options.dnsSearch ?? options.dnsOptions) !== undefined)
      throw conflict("dns and the network mode", "give it to the container that is joined");
    if (options.extraHosts !== undefined)
      throw conflict("custom host-to-IP mapping and the network mode", "give it to the container that is joined");
  }
  // The processes in there may belong to anybody: the kernel lets a user namespace's root mount no procfs of a pid namespace that is not its own.
  if (user.kind === "own" && pid.kind !== "own") {
    throw invalidOption(
      `cannot share ${pid.kind === "host" ? "the host's" : "another container's"} pid namespace when a user namespace is made: leave out --pid or --userns`,
    );
  }
}

function conflict(what: string, remedy: string) {
  return invalidOption(`conflicting options: ${what}: ${remedy}`);
}
