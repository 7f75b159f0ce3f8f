import { invalidOption } from "../core/invalid-option.ts";
import type { NamespaceOptions } from "./container-options.ts";

/** What one namespace is to be: made, the host's, or another container's. */
export type NamespaceChoice =
  | { readonly kind: "own" }
  | { readonly kind: "host" }
  | { readonly kind: "container"; readonly reference: string };

export interface NamespaceChoices {
  readonly network: NamespaceChoice;
  readonly pid: NamespaceChoice;
  readonly ipc: NamespaceChoice;
  readonly uts: NamespaceChoice;
  readonly user: NamespaceChoice;
  readonly cgroup: NamespaceChoice;
  readonly time: NamespaceChoice;
}

const own: NamespaceChoice = { kind: "own" };
const host: NamespaceChoice = { kind: "host" };

/** @throws {EngineError} INVALID_OPTION naming the flag and the words it takes. */
export function parseNamespaces(options: NamespaceOptions): NamespaceChoices {
  return {
    network: choose("--network", options.network, ["none"], true),
    pid: choose("--pid", options.pid, ["private"], true),
    ipc: choose("--ipc", options.ipc, ["private", "none", "shareable"], true),
    uts: choose("--uts", options.uts, ["private"], true),
    user: choose("--userns", options.user || "host", ["auto"], false),
    cgroup: choose("--cgroupns", options.cgroup, ["private"], false),
    time: choose("--timens", options.time, ["private"], false),
  };
}

function choose(flag: string, value: string | undefined, ownWords: readonly string[], joinable: boolean): NamespaceChoice {
  if (value === undefined || value === "" || ownWords.includes(value)) return own;
  if (value === "host") return host;
  const reference = /^container:(.+)$/.exec(value)?.[1];
  if (joinable && reference !== undefined) return { kind: "container", reference };
  if (flag === "--network" && (value === "bridge" || value === "default")) return own;
  const words = [...ownWords, "host", ...(joinable ? ["container:NAME"] : [])].join(", ");
  throw invalidOption(`invalid ${flag} \`${value}\`: one of ${words} is meant`);
}
