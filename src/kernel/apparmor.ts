import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { appArmorProfileName, appArmorProfileText, appArmorProfileVersion } from "./apparmor-profile.ts";
import { type AppArmorPaths, appArmorPaths, isProfileLoaded } from "./apparmor-state.ts";

/** The parser may be outside of a service's PATH. */
const parserDirectories = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];

/** Absent when the package `apparmor` is not installed. */
export function findAppArmorParser(): string | undefined {
  return parserDirectories.map((directory) => `${directory}/apparmor_parser`).find((path) => existsSync(path));
}

/**
 * Has the default profile in the kernel, in this version's text: loaded once a boot, and again when somebody has unloaded it (aa-remove-unknown
 * does). Returns whether containers can run under it: false where the host has no apparmor_parser; `wherry doctor` tells. Idempotent; an
 * empty file in `runRoot`, there or not, says which text was loaded.
 */
export function ensureAppArmorProfile(
  options: { readonly runRoot: HostPath; readonly bootId: string },
  paths: AppArmorPaths = appArmorPaths,
): boolean {
  const { runRoot, bootId } = options;
  const mark = `${runRoot}/apparmor-${appArmorProfileVersion}-${bootId}`;
  if (existsSync(mark) && isProfileLoaded(appArmorProfileName, paths)) return true;
  if (!loadAppArmorProfile()) return isProfileLoaded(appArmorProfileName, paths);
  mkdirSync(runRoot, { recursive: true, mode: 0o711 });
  writeFileSync(mark, "");
  return true;
}

/** Compiles the profile with the host's parser, past its cache, and replaces what is loaded. */
function loadAppArmorProfile(): boolean {
  const parser = findAppArmorParser();
  if (parser === undefined) return false;
  const text = appArmorProfileText({
    hasTunables: existsSync("/etc/apparmor.d/tunables/global"),
    hasBase: existsSync("/etc/apparmor.d/abstractions/base"),
  });
  const result = process.getBuiltinModule("node:child_process").spawnSync(parser, ["--skip-cache", "--replace"], {
    input: text,
    env: {},
    stdio: ["pipe", "ignore", "ignore"],
  });
  return result.status === 0;
}
