import { delay } from "../../core/delay.ts";
import { diskOf } from "./host-view.ts";
import { eventually, type Stage } from "./stage.ts";

const mebibyte = 1024 * 1024;

/** Chapter two: control groups, each limit run into. */
export async function showLimits(stage: Stage, root: string): Promise<void> {
  await stage.chapter("Control groups: what a container may use");
  await showMemory(stage);
  await showCpu(stage);
  await showCpuset(stage);
  await showPids(stage);
  await showBlockIo(stage, root);
}

async function showMemory(stage: Stage): Promise<void> {
  const limit = 24 * mebibyte;
  const resources = { memoryBytes: limit, memorySwapBytes: limit };
  // dd's buffer is as large as its block.
  const { exitCode } = await stage.run("dd if=/dev/zero of=/dev/null bs=64M count=1 2>&1; exit $?", {
    name: "wherry-demo-memory",
    resources,
  });
  const details = await stage.engine.containers.inspect("wherry-demo-memory");
  await stage.claim(
    "memory: 64 MB do not fit into 24 MB; it is killed",
    `exit code ${exitCode}${details.oomKilled ? ", out of memory" : ""}`,
    exitCode === 137 && details.oomKilled,
  );
  await stage.end("wherry-demo-memory");
}

async function showCpu(stage: Stage): Promise<void> {
  const { id } = await stage.start("while :; do :; done", { resources: { nanoCpus: 250_000_000 } });
  const before = await stage.engine.containers.stats(id);
  const begin = performance.now();
  await delay(1_000);
  const after = await stage.engine.containers.stats(id);
  const share = Number(after.cpuUsageNanos - before.cpuUsageNanos) / ((performance.now() - begin) * 1e6);
  const throttled = after.cpuThrottledPeriods - before.cpuThrottledPeriods;
  await stage.claim(
    "cpu: an endless loop gets a quarter of a processor",
    `${Math.round(share * 100)} %, throttled in ${throttled} periods`,
    throttled > 0 && share < 0.4,
  );
  await stage.end(id);
}

async function showCpuset(stage: Stage): Promise<void> {
  const { output } = await stage.run("while read key value; do [ $key = Cpus_allowed_list: ] && echo $value; done < /proc/self/status", {
    resources: { cpusetCpus: "0" },
  });
  await stage.claim("cpuset: pinned to processor 0", `may run on ${output.trim()}`, output.trim() === "0");
}

async function showPids(stage: Stage): Promise<void> {
  const limit = 16;
  const { id } = await stage.start("bomb() { bomb | bomb & }; bomb; sleep 600", { resources: { pidsLimit: limit } });
  let most = 0;
  await eventually(async () => {
    most = Math.max(most, (await stage.engine.containers.stats(id)).pids);
    return most >= limit - 2 ? most : undefined;
  }, 3_000);
  const { pids } = await stage.engine.containers.stats(id);
  most = Math.max(most, pids);
  await stage.claim("pids: a fork bomb stops at 16 processes", `at most ${most} seen`, most >= 2 && most <= limit);
  await stage.end(id);
}

async function showBlockIo(stage: Stage, root: string): Promise<void> {
  const disk = diskOf(root);
  if (disk === undefined) {
    await stage.skip("blkio: writing limited to 2 MB a second", `${root} is not on a disk`);
    return;
  }
  const rate = 2 * mebibyte;
  const script = "dd if=/dev/zero of=/slow bs=1M count=4 oflag=direct 2>&1 || dd if=/dev/zero of=/slow bs=1M count=4 conv=fsync 2>&1";
  const { milliseconds, exitCode } = await stage.run(script, { resources: { blkioDeviceWriteBps: [{ path: disk, rate }] } });
  const seconds = milliseconds / 1000;
  await stage.claim("blkio: 4 MB at 2 MB a second", `took ${seconds.toFixed(1)} s on ${disk}`, exitCode === 0 && seconds > 1.2);
}
