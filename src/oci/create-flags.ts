import { fstatSync, readlinkSync } from "node:fs";
import { invalidOption } from "../core/invalid-option.ts";
import type { CreateContainerRequest } from "../runtime/create-container.ts";
import type { FlagTable, FlagValues } from "./command-line.ts";
import { absolutePath } from "./container-argument.ts";
import type { OciContext } from "./oci-context.ts";

/** What `create` and `run` have in common. */
export const createFlags = {
  bundle: { takes: "value", aliases: ["b"] },
  config: { takes: "value", aliases: ["f"] },
  "console-socket": { takes: "value" },
  "pid-file": { takes: "value" },
  "no-pivot": { takes: "switch" },
  "no-new-keyring": { takes: "switch" },
  "preserve-fds": { takes: "value" },
} as const satisfies FlagTable;

/** The request that `create` and `run` make of their flags. @throws {EngineError} INVALID_OPTION */
export function createRequest(
  id: string,
  values: FlagValues<typeof createFlags>,
  context: OciContext,
): Omit<CreateContainerRequest, "mode"> {
  const { config, "console-socket": consoleSocket, "pid-file": pidFile } = values;
  return {
    root: context.root,
    id,
    bundle: absolutePath(values.bundle ?? "."),
    launcher: context.launcher,
    warn: context.warn,
    systemdCgroup: context.systemdCgroup,
    user: context.user,
    ignoreCgroupErrors: context.ignoreCgroupErrors,
    options: {
      noPivot: values["no-pivot"],
      noNewKeyring: values["no-new-keyring"],
      preservedDescriptors: preservedDescriptors(values["preserve-fds"]),
      activatedDescriptors: activatedDescriptors(),
      ...(consoleSocket === undefined ? ownTerminalSize() : {}),
    },
    ...(config === undefined ? {} : { configPath: absolutePath(config) }),
    ...(consoleSocket === undefined ? {} : { consoleSocket: absolutePath(consoleSocket) }),
    ...(pidFile === undefined ? {} : { pidFile: absolutePath(pidFile) }),
  };
}

/** How many descriptors from 3 on the process gets: those of socket activation, then `--preserve-fds`. @see sd_listen_fds(3) */
export function preservedDescriptors(given = "0"): number {
  if (!/^\d{1,3}$/.test(given)) throw invalidOption(`invalid value for --preserve-fds: \`${given}\``);
  const count = activatedDescriptors() + Number(given);
  for (let descriptor = 3; descriptor < 3 + count; descriptor++) requireCallers(descriptor);
  return count;
}

/** Where the caller has left a gap there may be a descriptor of this program's own, which no container must get. */
function requireCallers(descriptor: number): void {
  const own = process.env["WHERRY_LAUNCHER"] === String(descriptor);
  let link = "";
  try {
    link = readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // Not open.
  }
  if (own || link === "" || link.startsWith("anon_inode:[event"))
    throw invalidOption(`descriptor ${descriptor} was not passed (--preserve-fds)`);
}

/** Sockets that a service manager has opened for this very process. */
export function activatedDescriptors(): number {
  const { LISTEN_PID: pid, LISTEN_FDS: count = "" } = process.env;
  return pid === String(process.pid) && /^\d{1,3}$/.test(count) ? Number(count) : 0;
}

/** The size of the terminal on standard output, if there is one. */
export function ownTerminalSize(): { readonly terminalSize?: { readonly rows: number; readonly columns: number } } {
  // Looking at `process.stdout` loads what a pipe or a file does not need.
  if (!isCharacterDevice(1) || !process.stdout.isTTY) return {};
  const { rows, columns } = process.stdout;
  return { terminalSize: { rows, columns } };
}

function isCharacterDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false;
  }
}
