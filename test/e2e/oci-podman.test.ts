// podman with Wherry as its runtime.
import { afterAll, beforeAll } from "bun:test";
import { readdirSync, rmSync, symlinkSync } from "node:fs";
import { testDockerLikeEngine } from "../support/docker-like-engine.ts";
import { makeImageArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { removeTestCgroup, testCgroup } from "../support/test-cgroup.ts";
import { makeTestDirectory, wherryProgram } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "busybox", "podman");
const isThere = test !== test.skip;
let directory = "";
let command: readonly string[] = [];

beforeAll(() => {
  if (!isThere) return;
  directory = makeTestDirectory("oci-podman");
  symlinkSync(wherryProgram, `${directory}/wherry-runc`);
  const roots = ["--root", `${directory}/root`, "--runroot", `${directory}/run`, "--tmpdir", `${directory}/tmp`];
  command = ["podman", ...roots, "--cgroup-manager", "cgroupfs", "--runtime", `${directory}/wherry-runc`];
  const [program = "", ...globals] = command;
  run(program, ...globals, "import", makeImageArchive(directory), "test:1");
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  const [program = "", ...globals] = command;
  run(program, ...globals, "rm", "--all", "--force");
  run(program, ...globals, "rmi", "--all", "--force");
  for (const name of readdirSync(`${directory}/root`)) if (name === "overlay") run("sh", "-c", `umount ${directory}/root/overlay || true`);
  await removeTestCgroup(testCgroup(directory));
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

testDockerLikeEngine(test, () => ({
  command,
  // Its own default limits are above what a machine without CAP_SYS_RESOURCE may set.
  runFlags: ["--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--cgroup-parent", testCgroup(directory)],
  image: "test:1",
  runtimeOf: ({ OCIRuntime: runtime }) => runtime,
}));
