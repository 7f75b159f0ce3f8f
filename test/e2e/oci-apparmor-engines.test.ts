// AppArmor profiles that podman and containerd hand to Wherry as their runtime.
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { makeImageArchive, makeLayoutArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { testCgroup } from "../support/test-cgroup.ts";
import { makeTestDirectory, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "apparmor", "apparmor-parser", "binary", "payload", "busybox", "podman", "containerd");
const isThere = test === bunTest;
const name = "wherry-test-engines";
const profile = `profile ${name} flags=(attach_disconnected) {
  file,
  capability,
  signal,
  network,
  deny /tmp/** w,
}
`;
const image = "docker.io/library/test:1";
let directory = "";
let daemon: StartedDaemon | undefined;
let podman: readonly string[] = [];

function parse(option: "-r" | "-R"): void {
  run("sh", "-c", `apparmor_parser ${option} --skip-cache ${directory}/profile`);
}

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("aa"); // podman takes a run root of 50 characters at most
  writeFileSync(`${directory}/profile`, profile);
  parse("-r");
  symlinkSync(wherryProgram, `${directory}/wherry-runc`);
  const roots = ["--root", `${directory}/podman`, "--runroot", `${directory}/run`, "--tmpdir", `${directory}/tmp`];
  podman = ["podman", ...roots, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", `${directory}/wherry-runc`];
  const [program = "", ...globals] = podman;
  run(program, ...globals, "import", makeImageArchive(directory), "test:1");
}, 120_000);

afterAll(async () => {
  if (!isThere) return;
  const [program = "", ...globals] = podman;
  run(program, ...globals, "rm", "--all", "--force", "--time", "0");
  parse("-R");
  await endEngine(daemon, directory);
}, 120_000);

const label = ["/payload", "try", "read", "/proc/self/attr/current"];
const forbidden = ["/payload", "try", "create", "/tmp/file", "x"];

test("podman run --security-opt apparmor=", async () => {
  const [program = "", ...globals] = podman;
  const option = ["--security-opt", `apparmor=${name}`, "--network", "none", "--cgroup-parent", testCgroup(directory)];
  const inPodman = (...args: readonly string[]) =>
    new RunningProgram(program, [...globals, "run", "--rm", ...option, "test:1", ...args]).done;
  expect(await inPodman(...label)).toMatchObject({ code: 0, stdout: expect.stringContaining(`${name} (enforce)`) });
  expect(await inPodman(...forbidden)).toMatchObject({ stdout: "EACCES\n" });
}, 120_000);

test("ctr run --apparmor-profile", async () => {
  const settings = ["version = 2", `root = "${directory}/root"`, `state = "${directory}/state"`];
  const plugins = ['disabled_plugins = ["io.containerd.grpc.v1.cri"]', "[grpc]", `  address = "${directory}/sock"`];
  writeFileSync(`${directory}/config.toml`, `${[...settings, ...plugins].join("\n")}\n`);
  const ctr = ["--address", `${directory}/sock`];
  daemon = await StartedDaemon.start(["containerd", "--config", `${directory}/config.toml`], {
    log: `${directory}/log`,
    isReady: () => spawnSync("ctr", [...ctr, "version"], { stdio: "ignore" }).status === 0,
  });
  const layout = makeTestDirectory("oci-apparmor-engines-image");
  run("ctr", ...ctr, "image", "import", "--base-name", "docker.io/library/test", makeLayoutArchive(layout, image));
  run("rm", "-r", layout);
  const option = ["--runtime", "io.containerd.runc.v2", "--runc-binary", `${directory}/wherry-runc`, "--apparmor-profile", name];
  const inCtr = (id: string, ...args: readonly string[]) =>
    new RunningProgram("ctr", [...ctr, "run", "--rm", ...option, "--cgroup", `${testCgroup(directory)}/${id}`, image, id, ...args]).done;
  expect(await inCtr("label", ...label)).toMatchObject({ code: 0, stdout: expect.stringContaining(`${name} (enforce)`) });
  expect(await inCtr("forbidden", ...forbidden)).toMatchObject({ stdout: "EACCES\n" });
}, 240_000);
