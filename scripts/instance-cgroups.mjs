import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmdirSync } from "node:fs";

/**
 * Removes the control groups that an instance keeps for its next container. `wherry` is the command that selects the instance, as a list;
 * its containers must be gone.
 */
export function removeInstanceCgroups(wherry) {
  const result = spawnSync(wherry[0], [...wherry.slice(1), "info", "--format", "{{.ID}}"], { encoding: "utf8" });
  const id = result.stdout?.trim();
  // The default root's is plain `wherry`.
  if (!/^wherry(-[0-9a-f]+)?$/.test(id ?? "")) return;
  if (existsSync("/run/systemd/system")) spawnSync("systemctl", ["stop", `${id}-containers.service`], { stdio: "ignore" });
  for (const hierarchy of ["", ...readdirSync("/sys/fs/cgroup")]) {
    removeTree(`/sys/fs/cgroup/${hierarchy}/${id}`);
    // Of v1's controllers systemd knows some only: the groups in the others are left to us.
    removeTree(`/sys/fs/cgroup/${hierarchy}/system.slice/${id}-containers.service`);
  }
}

function removeTree(directory) {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeTree(`${directory}/${entry.name}`);
  try {
    rmdirSync(directory);
  } catch {
    // something still runs in it, and needs it
  }
}
