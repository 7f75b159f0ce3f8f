import { findInstallation } from "../core/installation.ts";

/** Set in the build that scripts/order-bytecode.mjs makes. */
declare const WHERRY_RECORDING: boolean;

/**
 * Ends this process with `code`, by becoming `launcher exit CODE`. The runtime's own way out would close the database, and the last one to
 * close it checkpoints and deletes its write-ahead log: four fsyncs a command, on disks where one takes 10 ms. To SQLite this is a process
 * that died, which loses nothing that was committed. All output must have left.
 */
export function leave(code: number): never {
  // What has been recorded is written on the runtime's own way out.
  if (typeof WHERRY_RECORDING !== "undefined") process.exit(code);
  try {
    process.execve?.(findInstallation().launcher, ["launcher", "exit", String(code)], {});
  } catch {
    // A runtime or kernel that can't: the ordinary way costs time only.
  }
  process.exit(code);
}
