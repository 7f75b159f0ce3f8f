import { existsSync } from "node:fs";
import { EngineError } from "./engine-error.ts";
import type { HostPath } from "./brands.ts";

/** The programs of this installation, by absolute path, so that a plan or hook made now starts the same version later. */
export interface Installation {
  readonly launcher: HostPath;
  /** argv with which this engine starts itself. */
  readonly self: readonly string[];
}

/**
 * Compiled, the engine lies beside the launcher; from source (`bun src/cli/main.ts`), the launcher lies in its build folder.
 * @throws {EngineError} INSTALLATION_INCOMPLETE
 */
export function findInstallation(): Installation {
  const executable = process.execPath;
  const beside = `${executable.slice(0, executable.lastIndexOf("/"))}/launcher`;
  if (existsSync(beside)) return { launcher: beside as HostPath, self: [executable] };
  const source = new URL("../../launcher/build/launcher", import.meta.url).pathname;
  if (existsSync(source)) return { launcher: source as HostPath, self: [executable, new URL("../cli/main.ts", import.meta.url).pathname] };
  throw new EngineError({
    kind: "failedPrecondition",
    code: "INSTALLATION_INCOMPLETE",
    message: `find the launcher: \`${beside}\` is not there; wherry is two files, install both (npm run build makes them in dist/)`,
  });
}
