import { writeSync } from "node:fs";
import { commands } from "./commands.ts";

/** What there is, by name; docs/oci.md explains it. */
export function printHelp(): number {
  const names = Object.keys(commands).sort().join(" ");
  writeSync(
    1,
    `wherry oci - an OCI runtime for other engines, with runc's command line\n\nusage: wherry oci [global options] COMMAND [options] ID\n\ncommands: ${names}\nglobal options: --root --log --log-format --debug --cgroup-manager --version\n`,
  );
  return 0;
}
