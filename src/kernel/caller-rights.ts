import { existsSync, readFileSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";

/** `root`: the host's. `namespace-root`: root of a user namespace. `user`: anybody else. */
export type CallerRights = "root" | "namespace-root" | "user";

/** What this process is, for containers. */
export function callerRights(): CallerRights {
  if (process.geteuid?.() !== 0) return "user";
  return isHostsMapping(existsSync("/proc/self/uid_map") ? readFileSync("/proc/self/uid_map", "latin1") : "") ? "root" : "namespace-root";
}

/** Of the initial user namespace: all ids, each to itself. A kernel without user namespaces has no such file. @see user_namespaces(7) */
function isHostsMapping(text: string): boolean {
  return text === "" || /^\s*0\s+0\s+4294967295\s*$/.test(text);
}

/**
 * $XDG_RUNTIME_DIR, for whom it stands in for the host's /run, as runc decides it: also for root of a user namespace, unless that is a whole
 * system's root. Null: it is not set, or not to be used.
 */
export function userRuntimeDirectory(rights: CallerRights, env: NodeJS.ProcessEnv = process.env): HostPath | null {
  if (rights === "root" || (rights === "namespace-root" && env["USER"] === "root")) return null;
  const { XDG_RUNTIME_DIR: directory = "" } = env;
  return directory.startsWith("/") ? (directory as HostPath) : null;
}

/** Where this user keeps what can be made again; null without a home. @see XDG Base Directory Specification */
export function userCacheDirectory(env: NodeJS.ProcessEnv = process.env): HostPath | null {
  const { XDG_CACHE_HOME: cache = "", HOME: home = "" } = env;
  if (cache.startsWith("/")) return cache as HostPath;
  return home.startsWith("/") ? (`${home}/.cache` as HostPath) : null;
}

/** Whether setgroups(2) is allowed in the user namespace of a process. */
export function allowsSetgroups(pid: number | "self"): boolean {
  const file = `/proc/${pid}/setgroups`;
  return !existsSync(file) || readFileSync(file, "latin1").trim() !== "deny";
}
