import { readFileSync } from "node:fs";

/** How this host mounts control groups: `v1`, `v2` or `hybrid`; `guest` inside cgroup2-vm, `guest-systemd` under its systemd. */
export function hostKind() {
  if (process.env.WHERRY_TEST_GUEST !== undefined) return process.env.WHERRY_TEST_GUEST;
  const types = new Set(
    readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" - ")[1]?.split(" ")[0]),
  );
  if (types.has("cgroup")) return types.has("cgroup2") ? "hybrid" : "v1";
  return "v2";
}
