import { buildInfo } from "../core/build-info.ts";

/** The version of the runtime specification that a configuration may say it follows. */
export const specVersion = "1.3.0";

/** Three lines that engines parse: dockerd takes the words around `version` and after `commit:`, podman prints all. */
export function versionText(): string {
  const commit = buildInfo.commit === "" ? "" : `commit: ${buildInfo.commit}\n`;
  return `wherry-oci version ${buildInfo.version}\n${commit}spec: ${specVersion}\n`;
}
