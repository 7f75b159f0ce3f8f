// Kubernetes' way: containerd's CRI plugin with Wherry as a runtime handler, spoken to as the kubelet does. In the host's network: no CNI.
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { CriClient, type Fields } from "../support/cri-client.ts";
import { makeLayoutArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { testCgroup } from "../support/test-cgroup.ts";
import { makeTestDirectory, wherryProgram } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "busybox", "containerd");
const isThere = test === bunTest;
const image = "docker.io/library/test:1";
let directory = "";
let daemon: StartedDaemon | undefined;

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("oci-cri");
  symlinkSync(wherryProgram, `${directory}/wherry-runc`);
  writeFileSync(
    `${directory}/config.toml`,
    `version = 2
root = "${directory}/root"
state = "${directory}/state"
[grpc]
  address = "${directory}/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${image}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  # A machine without CAP_SYS_RESOURCE may not lower it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "wherry"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.wherry]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.wherry.options]
        BinaryName = "${directory}/wherry-runc"
`,
  );
  daemon = await StartedDaemon.start(["containerd", "--config", `${directory}/config.toml`], {
    log: `${directory}/log`,
    isReady: () => spawnSync("ctr", ["--address", `${directory}/sock`, "version"], { stdio: "ignore" }).status === 0,
  });
  const archive = makeLayoutArchive(directory, image);
  const base = ["--base-name", "docker.io/library/test", "--snapshotter", "native"];
  run("ctr", "--address", `${directory}/sock`, "--namespace", "k8s.io", "image", "import", ...base, archive);
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  await endEngine(daemon, directory);
}, 60_000);

test("a pod's sandbox, a container in it, exec, and their end", async () => {
  using cri = new CriClient(`${directory}/sock`);
  const node = 2;
  const sandbox: Fields = {
    1: { 1: "pod", 2: "uid-1", 3: "default", 4: 1 },
    8: { 1: testCgroup(directory), 2: { 1: { 1: node } } },
  };
  const pod = String((await cri.call("RunPodSandbox", { 1: sandbox, 2: "wherry" })).get(1));
  expect(pod).toMatch(/^[0-9a-f]{64}$/);
  try {
    const config: Fields = { 1: { 1: "main", 2: 1 }, 2: { 1: image }, 3: ["/payload", "sleep"], 6: [{ 1: "NAME", 2: "value" }] };
    const container = String((await cri.call("CreateContainer", { 1: pod, 2: config, 3: sandbox })).get(1));
    await cri.call("StartContainer", { 1: container });
    const executed = await cri.call("ExecSync", { 1: container, 2: ["sh", "-c", "echo $NAME; exit 3"], 3: 20 });
    expect(executed.get(1)).toBe("value\n");
    expect(executed.get(3)).toBe(3);
    await cri.call("StopContainer", { 1: container });
    await cri.call("RemoveContainer", { 1: container });
  } finally {
    await cri.call("StopPodSandbox", { 1: pod });
    await cri.call("RemovePodSandbox", { 1: pod });
  }
}, 60_000);
