// What this machine must have, each refusal in one sentence with its remedy. Plain Node, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The sentence that refuses this machine, or undefined. `root`: the command makes containers, building alone does not. */
export function refusal({ root }, host = describeHost()) {
  if (host.platform !== "linux") return `Wherry needs Linux; this is ${host.platform}.`;
  if (!["x64", "arm64"].includes(host.arch)) return `Wherry needs an x86_64 or aarch64 processor; this one is ${host.arch}.`;
  const [major = 0, minor = 0] = host.kernel.split(".").map((part) => Number.parseInt(part, 10));
  if (major < 5 || (major === 5 && minor < 15)) return `Wherry needs Linux 5.15 or later; this kernel is ${host.kernel}.`;
  if (host.node < 20) return `Building Wherry needs Node 20 or later; this is Node ${host.node}.`;
  const missing = ["cc", "make"].filter((program) => !host.programs.has(program));
  if (missing.length > 0) return `Building the launcher needs ${missing.join(" and ")}: apt-get install gcc make libc6-dev`;
  if (root && host.uid !== 0) return "Containers need root for now: run this command with sudo.";
  return undefined;
}

/** @returns {{ platform: string, arch: string, kernel: string, node: number, programs: Set<string>, uid: number }} */
function describeHost() {
  const programs = ["cc", "make"].filter((program) => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0);
  return {
    platform: process.platform,
    arch: process.arch,
    kernel: process.platform === "linux" ? readFileSync("/proc/sys/kernel/osrelease", "utf8").trim() : "",
    node: Number.parseInt(process.versions.node, 10),
    programs: new Set(programs),
    uid: process.getuid?.() ?? -1,
  };
}

/** Ends the program with one sentence when this machine cannot do it. */
export function requireHost(options) {
  const sentence = refusal(options);
  if (sentence === undefined) return;
  console.error(sentence);
  process.exit(1);
}
