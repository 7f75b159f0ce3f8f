import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "./container-options.ts";

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `default`, `unconfined`, or a profile's JSON. */
  readonly seccomp: string;
  /** A profile name, `unconfined`, or empty for the default. */
  readonly apparmor: string;
  /** Masked and read-only paths are left open. */
  readonly systemPathsUnconfined: boolean;
}

/** @throws {EngineError} INVALID_OPTION for a word that is not known. */
export function parseSecurityOptions(options: Pick<ContainerOptions, "securityOpt" | "privileged">): SecurityOptions {
  const privileged = options.privileged === true;
  let noNewPrivileges = false;
  let seccomp = privileged ? "unconfined" : "default";
  let apparmor = privileged ? "unconfined" : "";
  let systemPathsUnconfined = privileged;
  for (const option of options.securityOpt ?? []) {
    const at = option.search(/[=:]/);
    const key = at < 0 ? option : option.slice(0, at);
    const value = at < 0 ? "" : option.slice(at + 1);
    if (key === "no-new-privileges") {
      if (!["", "true", "false"].includes(value)) throw invalidOption(`invalid --security-opt: "${option}": true or false is meant`);
      noNewPrivileges = value !== "false";
    } else if (key === "seccomp" && value !== "") {
      seccomp = value === "builtin" ? "default" : value;
    } else if (key === "apparmor" && value !== "") {
      apparmor = value;
    } else if (key === "systempaths" && value === "unconfined") {
      systemPathsUnconfined = true;
    } else if (key === "label") {
      // SELinux labels: nothing to do where SELinux is off, and `label=disable` asks for just that.
      if (value !== "disable") throw invalidOption(`--security-opt ${option}: SELinux labels are not supported; only label=disable is`);
    } else {
      throw invalidOption(`invalid --security-opt: "${option}"`);
    }
  }
  return { noNewPrivileges, seccomp, apparmor, systemPathsUnconfined };
}
