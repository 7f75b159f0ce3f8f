import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import { appArmorProfileName, appArmorProfileText, appArmorProfileVersion } from "./apparmor-profile.ts";
import { type AppArmorPaths, appArmorPaths } from "./apparmor-state.ts";

/** The parser may be outside of a service's PATH. */
const PARSER_PATH = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin";

/**
 * Loads the default profile into the kernel once a boot (or version of the text). Returns whether containers can run under it: false where
 * the host has no apparmor_parser; `wherry doctor` tells. Idempotent; a mark in `runRoot` spares the work next time.
 */
export function ensureAppArmorProfile(
  options: { readonly runRoot: HostPath; readonly bootId: string },
  paths: AppArmorPaths = appArmorPaths,
): boolean {
  const { runRoot, bootId } = options;
  const mark = `${runRoot}/apparmor-${appArmorProfileVersion}-${bootId}`;
  try {
    return readFileSync(mark, "latin1") === "loaded";
  } catch {
    // Not tried since the boot.
  }
  const loaded = loadAppArmorProfile() || isProfileLoaded(paths);
  mkdirSync(runRoot, { recursive: true, mode: 0o711 });
  writeFileSync(mark, loaded ? "loaded" : "none");
  return loaded;
}

/** Whether the kernel has the profile, whoever loaded it. */
export function isProfileLoaded(paths: AppArmorPaths = appArmorPaths): boolean {
  try {
    return readFileSync(`${paths.filesystem}/profiles`, "utf8")
      .split("\n")
      .some((line) => line.startsWith(`${appArmorProfileName} `));
  } catch {
    return false;
  }
}

/** Compiles the profile with the host's parser, past its cache, and replaces what is loaded. */
function loadAppArmorProfile(): boolean {
  const text = appArmorProfileText({
    hasTunables: existsSync("/etc/apparmor.d/tunables/global"),
    hasBase: existsSync("/etc/apparmor.d/abstractions/base"),
  });
  const result = process.getBuiltinModule("node:child_process").spawnSync("apparmor_parser", ["--skip-cache", "--replace"], {
    input: text,
    env: { PATH: `${process.env["PATH"] ?? ""}:${PARSER_PATH}` },
    stdio: ["pipe", "ignore", "ignore"],
  });
  return result.status === 0;
}
