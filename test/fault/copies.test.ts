// Copies that are killed in the middle, and disks that are full: no half file, no process, no mount, no claim is left.
import { expect } from "bun:test";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { rawMember, rawTar } from "../support/raw-tar.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox");
const host = useWherryHost("copies");

/** Launchers that serve files, of whatever client: they are told apart from others by their parent. */
function launchersOf(pid: number | undefined): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && new RegExp(`^PPid:\\t${pid}$`, "m").test(readFileSync(`/proc/${name}/status`, "utf8"));
    } catch {
      return false;
    }
  });
}

const isGone = (pid: string): boolean => {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
};

const size = 8 * 1024 * 1024;

for (const state of ["running", "created"] as const) {
  test(`a copy into a ${state} container that is killed leaves nothing, and the next one works`, async () => {
    if (state === "running") await host.ok(["run", "-d", "--name", "box", "--network", "none", "base", "sleep", "100000"]);
    else await host.ok(["create", "--name", "box", "--network", "none", "base", "cat", "/root/big"]);
    const copy = host.start(["cp", "-", "box:/root"], { openStdin: true });
    const { stdin } = copy.child;
    stdin?.write(rawTar({ name: "whole", data: "whole" }).subarray(0, 1024));
    stdin?.write(rawMember({ name: "big", data: Buffer.alloc(size, "x") }).subarray(0, size / 2));
    const launchers = await poll("a launcher serves it", () => {
      const found = launchersOf(copy.child.pid);
      return found.length > 0 && found;
    });
    // It has taken what there was, and waits for more.
    if (stdin?.writableNeedDrain === true) await once(stdin, "drain");
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    copy.child.kill("SIGKILL");
    await copy.done;
    await poll("its launchers are gone", () => launchers.every(isGone), { intervalMs: 5 });
    expect(readFileSync("/proc/self/mounts", "utf8")).toBe(mounts);
    // Nobody holds the container, and there is no half file.
    expect((await host.wherry(["cp", "box:/root/big", "-"])).stderr).toBe("wherry: Could not find the file /root/big in container box\n");
    await host.ok(["cp", "-", "box:/root"], { stdin: rawTar({ name: "big", data: "big\n" }) });
    if (state === "created") expect(await host.ok(["start", "-a", "box"])).toBe("big");
    await host.ok(["rm", "-f", "box"]);
  }, 60_000);
}

test("a copy and an export that nobody reads to the end let go", async () => {
  await host.ok(["run", "--name", "box", "--network", "none", "base", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=20"]);
  for (const args of [
    ["cp", "box:/big", "-"],
    ["export", "box"],
  ]) {
    const reading = host.start(args);
    await once(reading.child.stdout ?? process, "data");
    reading.child.stdout?.destroy();
    await reading.done;
  }
  await host.ok(["start", "box"]);
  await host.ok(["rm", "-f", "box"]);
}, 60_000);

test("no room in the container: told, and what there was is whole", async () => {
  await host.ok(["run", "-d", "--name", "box", "--network", "none", "--tmpfs", "/small:size=1m", "base", "sleep", "100000"]);
  await host.ok(["cp", "-", "box:/small"], { stdin: rawTar({ name: "file", data: "old" }) });
  const { code, stderr } = await host.wherry(["cp", "-", "box:/small"], { stdin: rawTar({ name: "file", data: Buffer.alloc(size, "x") }) });
  expect({ code, stderr }).toEqual({ code: 1, stderr: "wherry: write `small/file`: no space left on device\n" });
  expect(await host.ok(["exec", "box", "sh", "-c", "cat /small/file; ls /small"])).toBe("oldfile");
  rmSync(`${host.directory}/out`, { force: true });
  await host.ok(["rm", "-f", "box"]);
});
