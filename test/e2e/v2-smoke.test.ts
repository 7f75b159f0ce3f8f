// timeout: 240 s
// The built program once through, in few starts: cheap enough for the emulated second kernel (test/v2-subset.json), where a start takes seconds.
import { describe, expect } from "bun:test";
import { mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "user-namespaces", "two-cpus");
const host = useWherryHost("v2-smoke");
const volume = `${host.directory}/volume`;
mkdirSync(volume);
writeFileSync(`${volume}/given`, "given\n");

/** Lines of `KEY VALUE` that the script printed. */
async function facts(options: readonly string[], script: string, image = "base"): Promise<Readonly<Record<string, string>>> {
  const output = await host.ok(["run", "--rm", ...options, image, "sh", "-c", script]);
  return Object.fromEntries(output.split("\n").map((line) => [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)]));
}

/** Prints a limit under the first of its names that this host's cgroup version has. */
const limit = (key: string, ...names: readonly string[]) =>
  `for file in ${names.map((name) => `/sys/fs/cgroup/${name}`).join(" ")}; do [ -e $file ] && { echo ${key} $(cat $file); break; }; done`;

/** The whole disk that the test's files are on, if they are on one. */
function ownDisk(): { readonly path: string; readonly number: string } | undefined {
  const device = statSync(host.directory).dev;
  try {
    const parts = readlinkSync(`/sys/dev/block/${device >> 8}:${device & 0xff}`).split("/");
    const name = parts[parts.indexOf("block") + 1] ?? "";
    return { path: `/dev/${name}`, number: readFileSync(`/sys/block/${name}/dev`, "utf8").trim() };
  } catch {
    return undefined;
  }
}

describe("run", () => {
  test("passes input, output, errors and the exit code on", async () => {
    const result = await host.wherry(["run", "--rm", "-i", "--init", "base", "sh", "-c", "cat; echo said >&2; exit 7"], {
      stdin: "asked\n",
    });
    expect(result).toMatchObject({ code: 7, stdout: "asked\n", stderr: "said\n" });
  });

  test("gives a terminal its size", async () => {
    const terminal = host.terminal(["run", "--rm", "-it", "base", "sh", "-c", "tty; stty size; read line; echo got $line"], {
      rows: 33,
      columns: 77,
    });
    await terminal.sees("/dev/pts/0\r\n33 77\r\n");
    terminal.type("keys\r");
    await terminal.sees("got keys");
    expect(await terminal.exited).toBe(0);
  });

  test("sets the limits that were asked for", async () => {
    const disk = ownDisk();
    const options = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "33", "--cpuset-cpus", "1"];
    const script = [
      limit("memory", "memory.max", "memory/memory.limit_in_bytes"),
      limit("quota", "cpu.max", "cpu/cpu.cfs_quota_us"),
      limit("pids", "pids.max", "pids/pids.max"),
      limit("cpus", "cpuset.cpus.effective", "cpuset/cpuset.effective_cpus"),
      limit("read", "io.max", "blkio/blkio.throttle.read_bps_device"),
    ];
    const bps = disk === undefined ? [] : ["--device-read-bps", `${disk.path}:1mb`];
    expect(await facts([...options, ...bps], script.join("\n"))).toEqual({
      memory: String(64 << 20),
      quota: expect.stringMatching(/^50000( 100000)?$/),
      pids: "33",
      cpus: "1",
      ...(disk === undefined ? {} : { read: expect.stringMatching(new RegExp(`^${disk.number} (rbps=)?1048576\\b`)) }),
    });
  });

  test("kills at the memory limit, and says so", async () => {
    const options = ["--name", "eater", "--memory", "24m", "--memory-swap", "24m"];
    const eat = ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=64M count=1"];
    expect(await host.wherry(["run", ...options, "base", ...eat])).toMatchObject({ code: 137 });
    expect(await host.ok(["inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", "eater"])).toBe("true 137");
  });

  test("confines: capabilities, seccomp, no_new_privs, devices, read-only root, tmpfs", async () => {
    const script = `
      sed -n 's/^\\(CapEff\\|Seccomp\\|NoNewPrivs\\):\\t/\\1 /p' /proc/self/status
      (echo x > /file) 2> /dev/null || echo root read-only
      echo x > /t/file && echo tmpfs writable
      mknod /t/loop b 7 0 && ! head -c 1 /t/loop 2> /dev/null && echo loop denied
      head -c 1 /dev/zero | wc -c | sed 's/^/zero /'`;
    const options = ["--cap-drop", "ALL", "--cap-add", "MKNOD", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/t:dev"];
    expect(await facts(options, script)).toEqual({
      CapEff: "0000000008000000",
      Seccomp: "2",
      NoNewPrivs: "1",
      root: "read-only",
      tmpfs: "writable",
      loop: "denied",
      zero: "1",
    });
  });

  test("--privileged: everything that the engine itself may do", async () => {
    const own = /^CapBnd:\t(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
    const script = "sed -n 's/^\\(CapEff\\|Seccomp\\):\\t/\\1 /p' /proc/self/status; mkdir /m && mount -t tmpfs m /m && echo mount done";
    expect(await facts(["--privileged"], script)).toEqual({ CapEff: own, Seccomp: "0", mount: "done" });
  });
});

test("a user namespace: the image's files are its root's, a volume's stay the host's, deletions hold", async () => {
  const script = `
    echo map $(cat /proc/self/uid_map)
    echo passwd $(stat -c %u:%g /etc/passwd)
    echo volume $(cat /v/given) $(stat -c %u /v/given)
    touch /new && echo new $(stat -c %u:%g /new)
    rm /etc/os-release && rm -r /home && [ ! -e /etc/os-release ] && [ ! -e /home ] && echo deleted both`;
  expect(await facts(["--userns", "auto", "-v", `${volume}:/v:ro`], script)).toEqual({
    map: expect.stringMatching(/^0 [1-9]\d{5,} 65536$/),
    passwd: "0:0",
    volume: "given 65534",
    new: "0:0",
    deleted: "both",
  });
});

describe("a container's life", () => {
  const name = "life";
  const exec = (script: string) => host.ok(["exec", name, "sh", "-c", script]);

  test("run -d, exec, pause, unpause, diff", async () => {
    await host.ok(["run", "-d", "--name", name, "--userns", "auto", "--memory", "64m", "base", "sleep", "1000"]);
    expect(await exec("echo kept > /kept; chown 7:8 /kept; rm /etc/os-release; echo lost > /dev/shm/lost; id -u")).toBe("0");
    await host.ok(["pause", name]);
    expect(await host.ok(["ps", "--format", "{{.Status}}"])).toMatch(/\(Paused\)$/);
    await host.ok(["unpause", name]);
    expect((await host.ok(["diff", name])).split("\n")).toEqual(expect.arrayContaining(["A /kept", "D /etc/os-release"]));
  });

  test("restart: the files are kept, the memory is gone", async () => {
    await host.ok(["restart", "-t", "0", name]);
    expect(await exec("cat /kept; ls /dev/shm")).toBe("kept");
  });

  test("commit: the image has the changes and the container's ids", async () => {
    await host.ok(["commit", name, "committed"]);
    const script = "echo kept $(cat /kept) $(stat -c %u:%g /kept); [ -e /etc/os-release ] || echo release gone";
    expect(await facts([], script, "committed")).toEqual({ kept: "kept 7:8", release: "gone" });
    expect(await facts(["--userns", "auto"], script, "committed")).toEqual({ kept: "kept 7:8", release: "gone" });
  });

  test("stop, rm -f, rmi", async () => {
    await host.ok(["stop", "-t", "0", name]);
    expect(await host.ok(["ps", "-a", "--filter", `name=${name}`, "--format", "{{.Status}}"])).toMatch(/^Exited \(137\)/);
    await host.ok(["rm", "-f", name]);
    await host.ok(["rmi", "committed"]);
    expect(await host.ok(["images", "-q", "committed"])).toBe("");
  });
});
