// dockerd with Wherry as one of its runtimes, by --add-runtime; a daemon of its own.
import { afterAll, beforeAll, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { testDockerLikeEngine } from "../support/docker-like-engine.ts";
import { makeImageArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { testCgroup } from "../support/test-cgroup.ts";
import { makeTestDirectory, wherryProgram } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "busybox", "dockerd", "docker-cli");
const isThere = test === bunTest;
let directory = "";
let command: readonly string[] = [];
let daemon: StartedDaemon | undefined;

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("oci-docker");
  symlinkSync(wherryProgram, `${directory}/wherry-runc`);
  const socket = `unix://${directory}/sock`;
  const state = [`--data-root=${directory}/data`, `--exec-root=${directory}/exec`, `--pidfile=${directory}/pid`, `--host=${socket}`];
  command = ["docker", "-H", socket];
  // Without bridge and iptables: the host's network stays as it is. Its groups are where `--cgroup-parent` says on every host.
  const flags = [
    "--exec-opt=native.cgroupdriver=cgroupfs",
    "--bridge=none",
    "--iptables=false",
    "--add-runtime",
    `wherry=${directory}/wherry-runc`,
  ];
  daemon = await StartedDaemon.start(["dockerd", ...state, ...flags], {
    log: `${directory}/log`,
    isReady: () => spawnSync("docker", ["-H", socket, "version"], { stdio: "ignore" }).status === 0,
  });
  run("docker", "-H", socket, "import", makeImageArchive(directory), "test:1");
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  await endEngine(daemon, directory);
}, 60_000);

testDockerLikeEngine(test, () => ({
  command,
  runFlags: ["--runtime", "wherry", "--network", "none", "--cgroup-parent", testCgroup(directory)],
  image: "test:1",
  runtimeOf: (inspected) => (inspected["HostConfig"] as { readonly Runtime: string }).Runtime,
}));
