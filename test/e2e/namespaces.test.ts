// All eight namespaces: a container's own, the host's, another container's; user namespaces; what is seen through each.
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload", "user-namespaces", "time-namespaces");
const host = useWherryHost("namespaces", { payload: true });

interface Identity {
  readonly pid: number;
  readonly namespaces: Readonly<Record<string, string>>;
  readonly boottimeSeconds: number;
  readonly hostname: string;
}

const kinds = ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"] as const;
const ours = (kind: string) => readlinkSync(`/proc/self/ns/${kind}`);
const identity = async (...options: readonly string[]) =>
  JSON.parse(await host.ok(["run", "--rm", ...options, "payload", "identity"])) as Identity;
const sh = (line: string, ...options: readonly string[]) => host.ok(["run", "--rm", ...options, "base", "sh", "-c", line]);
const pidOf = async (name: string) => Number(await host.ok(["inspect", "-f", "{{.State.Pid}}", name]));

beforeAll(async () => {
  await host.ok(["run", "-d", "--name", "other", "-h", "otherbox", "--add-host", "friend:10.0.0.7", "base", "sleep", "100000"]);
}, 60_000);
afterAll(async () => {
  await host.wherry(["rm", "-f", "other"]);
});

describe("by default", () => {
  test("all are the container's own but the user namespace", async () => {
    const inside = await identity();
    for (const kind of kinds) expect({ kind, own: inside.namespaces[kind] !== ours(kind) }).toEqual({ kind, own: kind !== "user" });
  });
  test("two containers share none", async () => {
    // Both alive: the number of a namespace that is gone may be given again.
    await host.ok(["run", "-d", "--name", "second", "--userns", "auto", "base", "sleep", "1000"]);
    const [one, two] = [await pidOf("other"), await pidOf("second")];
    for (const kind of kinds) expect(readlinkSync(`/proc/${one}/ns/${kind}`)).not.toBe(readlinkSync(`/proc/${two}/ns/${kind}`));
    await host.ok(["rm", "-f", "second"]);
  });
  test("mount: what is mounted inside is not seen outside, and the other way round", async () => {
    const outside = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    // But for the layers, which all containers share.
    expect(outside.filter((line) => line.includes(host.directory) && !line.includes(` ${host.runRoot}/layers`))).toEqual([]);
    expect(await sh("grep -c . /proc/self/mountinfo")).toMatch(/^\d\d$/);
    // Nothing of the host's mount tree is left beneath the root.
    const roots = readFileSync(`/proc/${await pidOf("other")}/mountinfo`, "utf8")
      .split("\n")
      .filter((line) => line.split(" ")[4] === "/");
    expect(roots).toEqual([expect.stringMatching(/ - overlay /)]);
  });
  test("pid: it is PID 1 and sees its own processes only", async () => {
    expect(await sh("ls -d /proc/[0-9]* | sort; cat /proc/1/comm; true")).toMatch(/^\/proc\/1(\n\/proc\/\d)*\nsh$/);
  });
  test("network: a loopback that is up, and nothing else", async () => {
    expect(await sh("ls /sys/class/net; cat /sys/class/net/lo/flags; ping -c1 -w2 127.0.0.1 >/dev/null 2>&1 && echo pings")).toMatch(
      /^lo\n0x\d*9(\npings)?$/,
    );
    expect(await sh("cat /proc/net/route | wc -l")).toBe("1");
  });
  test("ipc: the host's queues and shared memory are not seen", async () => {
    expect(await sh("tail -n +2 /proc/sysvipc/shm | wc -l; ls /dev/shm /dev/mqueue | grep -v : | grep -c .; true")).toBe("0\n0");
  });
  test("uts: its host name is its own", async () => {
    expect((await identity("-h", "mine")).hostname).toBe("mine");
    expect(hostname()).not.toBe("mine");
  });
  test("cgroup: its own group is the root of what it sees", async () => {
    const lines = (await sh("cat /proc/self/cgroup")).split("\n");
    for (const line of lines.filter((entry) => !/:name=(?!systemd)/.test(entry))) expect(line).toMatch(/^\d+:[^:]*:\/$/);
    expect(readFileSync(`/proc/${await pidOf("other")}/cgroup`, "utf8")).toContain(await host.ok(["inspect", "-f", "{{.Id}}", "other"]));
  });
  test("time: it has just been booted", async () => {
    expect((await identity()).boottimeSeconds).toBeLessThan(60);
    expect(Number.parseFloat(await sh("cut -d' ' -f1 /proc/uptime"))).toBeLessThan(60);
    expect(Math.abs(Number(await sh("date +%s")) - Date.now() / 1000)).toBeLessThan(60);
  });
});

describe("the host's", () => {
  test.each([
    ["pid", "--pid", "host"],
    ["net", "--network", "host"],
    ["ipc", "--ipc", "host"],
    ["uts", "--uts", "host"],
    ["cgroup", "--cgroupns", "host"],
    ["time", "--timens", "host"],
    ["user", "--userns", "host"],
  ] as const)("%s: %s %s", async (kind, flag, value) => {
    const inside = await identity(flag, value);
    expect(inside.namespaces[kind]).toBe(ours(kind));
    for (const other of kinds)
      if (other !== kind && other !== "user")
        expect({ other, own: inside.namespaces[other] !== ours(other) }).toEqual({ other, own: true });
  });
  test("all of them together", async () => {
    const inside = await identity(
      "--pid",
      "host",
      "--network",
      "host",
      "--ipc",
      "host",
      "--uts",
      "host",
      "--cgroupns",
      "host",
      "--timens",
      "host",
    );
    for (const kind of kinds) expect({ kind, shared: inside.namespaces[kind] === ours(kind) }).toEqual({ kind, shared: kind !== "mnt" });
    expect(inside.pid).toBeGreaterThan(1);
    expect(inside.hostname).toBe(hostname());
  });
  test("pid: the host's processes are seen; network: its interfaces; uts: its name may not be given", async () => {
    expect(await sh(`test -d /proc/${process.pid} && echo seen`, "--pid", "host")).toBe("seen");
    expect((await sh("ls /sys/class/net", "--network", "host")).split("\n").length).toBeGreaterThanOrEqual(1);
    expect(await host.wherry(["run", "--rm", "--uts", "host", "-h", "x1", "base", "true"])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("conflicting options: hostname and the UTS mode"),
    });
  });
  test("exit codes by signal hold where it is not PID 1", async () => {
    expect((await host.wherry(["run", "--rm", "--pid", "host", "payload", "die", "15"])).code).toBe(143);
  });
  test("pid: all of its processes end with it all the same", async () => {
    const pid = await host.ok(["run", "--rm", "--pid", "host", "base", "sh", "-c", "sleep 4444 & echo $!"]);
    await poll("it is gone", () => !existsSync(`/proc/${pid}`));
  });
});

describe("another container's", () => {
  test.each([
    ["pid", "--pid"],
    ["net", "--network"],
    ["ipc", "--ipc"],
    ["uts", "--uts"],
  ] as const)("%s: %s container:NAME, by name and by id", async (kind, flag) => {
    const id = await host.ok(["inspect", "-f", "{{.Id}}", "other"]);
    const theirs = readlinkSync(`/proc/${await pidOf("other")}/ns/${kind}`);
    for (const reference of ["other", id, id.slice(0, 8)]) {
      const inside = await identity(flag, `container:${reference}`);
      for (const name of kinds)
        if (name !== "user")
          expect({
            name,
            shared:
              inside.namespaces[name] === (name === kind ? theirs : inside.namespaces[name]) && inside.namespaces[name] !== ours(name),
          }).toEqual({ name, shared: true });
    }
  });
  test("what goes with it: processes, host name, shared memory", async () => {
    expect(await sh("cat /proc/1/comm; hostname", "--pid", "container:other", "--uts", "container:other")).toBe("sleep\notherbox");
    await host.ok(["exec", "other", "sh", "-c", "echo shared > /dev/shm/x"]);
    expect(await sh("cat /dev/shm/x", "--ipc", "container:other")).toBe("shared");
    expect(await sh("tail -n1 /etc/hosts", "--network", "container:other")).toBe("10.0.0.7\tfriend");
  });
  test("its host name goes with its network, the host's with the host's, unless another is asked for", async () => {
    const names = async (...options: readonly string[]) =>
      (await sh('hostname; cat /etc/hostname; echo "$HOSTNAME"', ...options)).split("\n");
    const all = (name: string) => [name, name, name];
    expect(await names("--network", "container:other")).toEqual(all("otherbox"));
    expect(await names("--network", "host")).toEqual(all(hostname()));
    expect(await names("--network", "host", "-h", "asked")).toEqual(all("asked"));
    expect((await names("--uts", "host"))[2]).toBe(hostname());
    // An empty one, of a variable that is not set, is not the host's by accident.
    expect((await names("-h", ""))[0]).toMatch(/^[0-9a-f]{12}$/);
    await host.ok(["create", "--name", "joined", "--network", "container:other", "base"]);
    expect(await host.ok(["inspect", "-f", "{{.Config.Hostname}}", "joined"])).toBe("otherbox");
    await host.ok(["rm", "joined"]);
    const { code, stderr } = await host.wherry(["create", "-h", "x", "--network", "container:other", "base"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("conflicting options: hostname and the network mode") });
  });
  test("that does not run or does not exist is refused, by name", async () => {
    await host.ok(["create", "--name", "asleep", "base"]);
    for (const [reference, text] of [
      ["asleep", "asleep"],
      ["missing", "missing"],
    ] as const) {
      const { code, stderr } = await host.wherry(["run", "--rm", "--network", `container:${reference}`, "base", "true"]);
      expect(code).toBe(125);
      expect(stderr).toMatch(new RegExp(`^wherry: [^\\n]*${text}[^\\n]*\\n$`));
    }
    await host.ok(["rm", "asleep"]);
  });
  test("two that share a pid namespace: the end of the joiner leaves the other alone, the end of the other ends the joiner", async () => {
    await host.ok(["run", "-d", "--name", "owner", "base", "sleep", "1000"]);
    await host.ok(["run", "--rm", "--pid", "container:owner", "base", "true"]);
    await host.ok(["run", "-d", "--name", "joiner", "--pid", "container:owner", "base", "sleep", "1000"]);
    expect(await host.ok(["ps", "-q", "-f", "name=owner", "-f", "name=joiner"])).not.toBe("");
    await host.ok(["kill", "owner"]);
    expect(await host.ok(["wait", "owner", "joiner"])).toBe("137\n137");
    await host.ok(["rm", "owner", "joiner"]);
  });
});

describe("--userns auto", () => {
  test("root inside is somebody else outside; the image's files are root's inside", async () => {
    await host.ok(["run", "-d", "--name", "mapped", "--userns", "auto", "base", "sleep", "1000"]);
    const pid = await pidOf("mapped");
    const map = readFileSync(`/proc/${pid}/uid_map`, "utf8").trim().split(/\s+/).map(Number);
    expect(map).toEqual([0, expect.any(Number), 65536]);
    expect(map[1]).toBeGreaterThanOrEqual(65536);
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(new RegExp(`Uid:\\s+${map[1]}\\s`));
    expect(
      await host.ok([
        "exec",
        "mapped",
        "sh",
        "-c",
        "id -u; stat -c %u:%g / /bin /bin/busybox /etc/hosts /proc/1; touch /mine; chown 5:6 /mine; stat -c %u:%g /mine",
      ]),
    ).toBe("0\n0:0\n0:0\n0:0\n0:0\n0:0\n5:6");
    const upper = await host.ok(["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "mapped"]);
    expect(statSync(`${upper}/mine`)).toMatchObject({ uid: (map[1] ?? 0) + 5, gid: (map[1] ?? 0) + 6 });
    await host.ok(["rm", "-f", "mapped"]);
  });
  test("each container has a range of its own, kept over restarts", async () => {
    const base = async (name: string) =>
      readFileSync(`/proc/${await pidOf(name)}/uid_map`, "utf8")
        .trim()
        .split(/\s+/)[1];
    await host.ok(["run", "-d", "--name", "m1", "--userns", "auto", "base", "sleep", "1000"]);
    await host.ok(["run", "-d", "--name", "m2", "--userns", "auto", "base", "sleep", "1000"]);
    const first = await base("m1");
    expect(first).not.toBe(await base("m2"));
    await host.ok(["exec", "m1", "sh", "-c", "echo x > /kept"]);
    await host.ok(["restart", "-t", "0", "m1"]);
    expect(await base("m1")).toBe(first);
    expect(await host.ok(["exec", "m1", "sh", "-c", "cat /kept; stat -c %u /kept"])).toBe("x\n0");
    await host.ok(["rm", "-f", "m1", "m2"]);
  });
  test("all else is as without: commands, users, terminal, mounts, changed and deleted image files", async () => {
    expect(await sh("id -u; id -g; umask; pwd", "--userns", "auto", "-u", "12:34", "-w", "/made")).toBe("12\n34\n0022\n/made");
    expect(
      await sh(
        "rm -r /bin/vi /etc/passwd 2>/dev/null; ls /etc/passwd 2>/dev/null; mkdir /etc/x; mv /etc/x /etc/y; ls -d /etc/y",
        "--userns",
        "auto",
      ),
    ).toBe("/etc/y");
    expect((await host.wherry(["run", "--rm", "-t", "--userns", "auto", "base", "tty"])).stdout).toBe("/dev/pts/0\r\n");
    expect(
      await sh(
        "echo x > /dev/null; head -c 3 /dev/zero | wc -c; ls -l /dev/null | cut -c1; echo y > /dev/shm/y; cat /dev/shm/y; mount | grep -c ' /proc/sys '",
        "--userns",
        "auto",
      ),
    ).toBe("3\nc\ny\n1");
  });
  test("powers end at the namespace's border", async () => {
    const directory = `${host.directory}/private`;
    mkdirSync(directory, { mode: 0o700 });
    expect(
      await sh(
        "ls /d 2>&1; mknod /n c 1 3 2>&1; dmesg 2>&1 | tail -n1; date -s 2000-01-01 2>&1 | tail -n1; true",
        "--userns",
        "auto",
        "--cap-add",
        "ALL",
        "-v",
        `${directory}:/d`,
      ),
    ).toMatch(/denied.*\n.*not permitted.*\n/i);
  });
  test("works with the host's and other containers' namespaces where the kernel allows, else says why", async () => {
    expect(await sh("id -u; ls /sys/class/net | grep -c .", "--userns", "auto", "--network", "host")).toMatch(/^0\n\d+$/);
    expect(await host.wherry(["run", "--rm", "--userns", "auto", "--pid", "host", "base", "true"])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("cannot share the host's pid namespace"),
    });
  });
});

test("an invalid choice is refused with the words that there are", async () => {
  for (const [flag, value] of [
    ["--network", "mars"],
    ["--pid", "none"],
    ["--ipc", "x"],
    ["--uts", "private2"],
    ["--userns", "keep"],
    ["--cgroupns", "x"],
    ["--timens", "x"],
  ] as const) {
    const { code, stderr } = await host.wherry(["run", "--rm", flag, value, "base", "true"]);
    expect(code).toBe(125);
    expect(stderr).toContain(`invalid ${flag} \`${value}\``);
  }
});
