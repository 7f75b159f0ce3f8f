import { spawn, spawnSync } from "node:child_process";
import { existsSync, openSync } from "node:fs";

/** A dockerd of its own beneath `directory`: the command that asks it, and how to end it. */
export function startDockerd(directory) {
  const socket = `unix://${directory}/docker.sock`;
  const state = [`--data-root=${directory}/docker`, `--exec-root=${directory}/docker-exec`, `--pidfile=${directory}/docker.pid`];
  const log = openSync(`${directory}/dockerd.log`, "w");
  // Without bridge and iptables: the host's network stays as it is.
  const daemon = spawn("dockerd", [...state, `--host=${socket}`, "--bridge=none", "--iptables=false"], { stdio: ["ignore", log, log] });
  const base = ["docker", "-H", socket];
  for (const end = Date.now() + 30_000; Date.now() < end && spawnSync(base[0], [...base.slice(1), "version"]).status !== 0; ) {
    spawnSync("sleep", ["0.1"]);
  }
  const close = () => {
    daemon.kill("SIGTERM");
    for (const end = Date.now() + 20_000; Date.now() < end && existsSync(`${directory}/docker.pid`); ) spawnSync("sleep", ["0.1"]);
  };
  return { base, close };
}
