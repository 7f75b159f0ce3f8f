import { memoryKilobytes, parentOf } from "./host-view.ts";
import type { Stage } from "./stage.ts";

const runs = 15;

/** Chapter five: the talk's "start in seconds" and "MBs of memory", measured. */
export async function showCost(stage: Stage): Promise<void> {
  await stage.chapter("Light: what a container costs");
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push((await stage.run("true")).milliseconds);
  times.sort((a, b) => a - b);
  const [fastest = 0, median = 0] = [times[0], times[Math.floor(runs / 2)]];
  await stage.claim(
    "created, started, ended, removed in well under a second",
    `${median.toFixed(1)} ms (median of ${runs}, fastest ${fastest.toFixed(1)}); the talk: seconds`,
    // What else runs on this machine only makes it slower.
    fastest < 1_000,
  );
  const { id, pid } = await stage.start("exec sleep 600");
  const kilobytes = memoryKilobytes(parentOf(pid));
  await stage.claim(
    "an idle container takes less than a megabyte of ours",
    `${kilobytes} kB for its monitor; the talk: MBs`,
    kilobytes < 1024,
  );
  const details = await stage.engine.containers.inspect(id);
  await stage.claim("no hypervisor, no daemon: one process of the host", `sleep is pid ${details.pid} here`, details.pid === pid);
  await stage.end(id);
}
