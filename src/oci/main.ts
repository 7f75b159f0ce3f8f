import { writeSync } from "node:fs";
import { EngineError } from "../core/engine-error.ts";
import { findInstallation } from "../core/installation.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { type RuntimeUser, runtimeUser } from "../runtime/runtime-user.ts";
import { type OciCommand, type OciContext } from "./oci-context.ts";
import { commands } from "./commands.ts";
import { parseLine } from "./command-line.ts";
import { globalFlags } from "./global-flags.ts";
import { type LogTarget, writeLog } from "./oci-log.ts";

/** Commands that make and look at no container. */
const withoutContainers: ReadonlySet<string> = new Set(["features", "spec"]);

/** runc's exit code of a command that failed; `exec` has its own, since 1 may be the process's. */
const failed = 1;
const execFailed = 255;

/**
 * An OCI runtime with runc's command line, for engines that run their containers by one. Resolves with the exit code. An error is written to
 * `--log` in the form that was asked for, and to standard error in words.
 */
export async function ociMain(args: readonly string[]): Promise<number> {
  let log: LogTarget = { path: undefined, format: "text" };
  let name: string | undefined;
  try {
    const { values, words } = parseLine(globalFlags, args);
    log = { path: values.log, format: logFormat(values["log-format"]) };
    if (values.version) return await printVersion();
    name = words[0];
    if (values.help || name === undefined) return (await import("./help/print-help.ts")).printHelp();
    if (name === "help" || name === "h") return await (await import("./help/print-help.ts")).printHelpFor(words[1]);
    const load = commands[name];
    if (load === undefined) throw invalidOption(`No help topic for '${name}'`);
    const rest = words.slice(1);
    if (rest.some(looksLikeHelp) && (await (await import("./help/print-help.ts")).printWhenAsked(name, rest))) return 0;
    const systemdCgroup = bySystemd(values["systemd-cgroup"], values["cgroup-manager"]);
    const user = runtimeUser();
    const root = values.root ?? (withoutContainers.has(name) ? "/" : defaultRoot(user));
    const ignoreCgroupErrors = ignoresCgroupErrors(values.rootless, user);
    const command: OciCommand = await load();
    return await command.run(rest, contextOf(root, { debug: values.debug, systemdCgroup, user, ignoreCgroupErrors, log }));
  } catch (error) {
    const message = messageOf(error);
    writeLog(log, "error", message);
    if (log.path !== undefined) writeSync(2, `${message}\n`);
    return name === "exec" ? execFailed : failed;
  }
}

/** May also be an argument of the process that `exec` runs: only the command's flags can tell. */
function looksLikeHelp(word: string): boolean {
  return /^--?h(elp)?(=|$)/.test(word);
}

function contextOf(
  root: string,
  { log, ...given }: Pick<OciContext, "debug" | "systemdCgroup" | "user" | "ignoreCgroupErrors"> & { readonly log: LogTarget },
): OciContext {
  return {
    root: root.startsWith("/") ? root : `${process.cwd()}/${root}`,
    launcher: findInstallation().launcher,
    ...given,
    print: (text) => void writeSync(1, text),
    warn: (message) => writeLog(log, "warning", message),
  };
}

function logFormat(format = "text"): LogTarget["format"] {
  if (format === "text" || format === "json") return format;
  throw invalidOption(`unknown log-format "${format}"`);
}

function bySystemd(flag: boolean, manager = flag ? "systemd" : "cgroupfs"): boolean {
  if (manager === "systemd" || manager === "cgroupfs") return manager === "systemd";
  throw invalidOption(`unknown cgroup manager \`${manager}\`: there are cgroupfs and systemd`);
}

/** Only root has a place for containers that is always there. @throws {EngineError} NOT_ROOT */
function defaultRoot({ runtimeDirectory }: RuntimeUser): string {
  if (runtimeDirectory !== null) return `${runtimeDirectory}/wherry-oci`;
  throw new EngineError({
    kind: "forbidden",
    code: "NOT_ROOT",
    message: "there is no place for the containers' states: give --root, or set XDG_RUNTIME_DIR (only root has a place of its own)",
  });
}

/** `true`, `false`, or `auto`: everybody but the host's root. */
function ignoresCgroupErrors(rootless: string | undefined, { rights }: RuntimeUser): boolean {
  // As strconv.ParseBool, with which runc reads it.
  if (rootless === undefined || rootless === "auto") return rights !== "root";
  if (/^(1|t|true)$/i.test(rootless)) return true;
  if (/^(0|f|false)$/i.test(rootless)) return false;
  throw invalidOption(`--rootless: \`${rootless}\`: true, false or auto is meant`);
}

async function printVersion(): Promise<number> {
  const { versionText } = await import("./oci-version.ts");
  writeSync(1, versionText());
  return 0;
}

/** A bug comes with its stack. */
function messageOf(error: unknown): string {
  if (error instanceof EngineError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
