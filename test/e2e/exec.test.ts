// `exec`: a further process in a running container.
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("exec", { payload: true });

interface Identity {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly cwd: string;
  readonly env: readonly string[];
  readonly namespaces: Readonly<Record<string, string>>;
  readonly status: Readonly<Record<string, string>>;
  readonly fds: Readonly<Record<string, string>>;
  readonly rlimits: readonly (readonly [number, number])[];
  readonly hostname: string;
}

let id = "";
beforeAll(async () => {
  id = await host.ok([
    "run",
    "-d",
    "--name",
    "target",
    "-e",
    "FROM=container",
    "-w",
    "/tmp",
    "-h",
    "box",
    "--ulimit",
    "nofile=100:200",
    "--cap-drop",
    "KILL",
    "payload",
    "sleep",
  ]);
  await host.ok(["run", "-d", "--name", "shell", "base", "sleep", "100000"]);
}, 60_000);
afterAll(async () => {
  await host.wherry(["rm", "-f", "target", "shell"]);
});

const exec = (...args: readonly string[]) => host.wherry(["exec", ...args]);
const identity = async (...options: readonly string[]) =>
  JSON.parse(await host.ok(["exec", ...options, "target", "/payload", "identity"])) as Identity;

describe("exec", () => {
  test("runs in all of the container's namespaces and cgroup, with its limits, environment and directory", async () => {
    const pid = await host.ok(["inspect", "-f", "{{.State.Pid}}", "target"]);
    const inside = await identity();
    for (const name of ["mnt", "uts", "ipc", "pid", "net", "cgroup", "user", "time"]) {
      expect({ name, namespace: inside.namespaces[name] }).toEqual({ name, namespace: readlinkSync(`/proc/${pid}/ns/${name}`) });
    }
    expect(inside).toMatchObject({ uid: 0, gid: 0, cwd: "/tmp", hostname: "box" });
    expect(inside.env).toContain("FROM=container");
    expect(inside.rlimits[7]).toEqual([100, 200]);
    expect(inside.pid).toBeGreaterThan(1);
  });
  test("has the container's capabilities, seccomp filter, and no descriptor but its streams", async () => {
    const first = JSON.parse(await host.ok(["run", "--rm", "--cap-drop", "KILL", "payload", "identity"])) as Identity;
    const inside = await identity();
    for (const key of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Umask", "SigBlk", "SigIgn"]) {
      expect({ key, value: inside.status[key] }).toEqual({ key, value: first.status[key] });
    }
    expect(inside.status["Seccomp"]).toBe("2");
    expect(Object.keys(inside.fds).sort()).toEqual(["0", "1", "2"]);
  });
  test("-e, --env-file, -w and -u change them", async () => {
    await Bun.write(`${host.directory}/env`, "A=file\nB=file\n");
    const inside = await identity("-e", "A=1", "--env-file", `${host.directory}/env`, "-w", "/etc", "-u", "user");
    expect(inside).toMatchObject({ uid: 1000, gid: 1000, groups: [1000, 2000], cwd: "/etc" });
    expect(inside.env).toEqual(expect.arrayContaining(["A=1", "B=file", "FROM=container", "HOME=/home/user"]));
    expect(inside.status["CapEff"]).toBe("0000000000000000");
    expect(await identity("-u", "5:6")).toMatchObject({ uid: 5, gid: 6, groups: [6] });
    expect(await exec("-u", "nosuch", "target", "/payload", "identity")).toMatchObject({
      code: 126,
      stderr: expect.stringContaining("unable to find user nosuch"),
    });
  });
  test("--privileged has all capabilities", async () => {
    const inside = await identity("--privileged");
    expect(BigInt(`0x${inside.status["CapEff"]}`)).toBeGreaterThan(BigInt(`0x${(await identity()).status["CapEff"]}`));
  });
  test.each([0, 1, 42, 255])("passes exit code %d on", async (code) => {
    expect((await exec("target", "/payload", "exit", String(code))).code).toBe(code);
  });
  test("128 + n when a signal ends it", async () => {
    expect((await exec("target", "/payload", "die", "15")).code).toBe(143);
  });
  test("127 and 126 as run", async () => {
    expect(await exec("shell", "nosuch")).toMatchObject({
      code: 127,
      stderr: 'wherry: exec: "nosuch": executable file not found in $PATH\n',
    });
    expect(await exec("shell", "/etc/passwd")).toMatchObject({ code: 126 });
    expect(await exec("-w", "/nowhere", "shell", "true")).toMatchObject({
      code: 126,
      stderr: expect.stringContaining("/nowhere"),
    });
  });
  test("keeps streams apart; -i passes input and its end, without it there is none", async () => {
    expect(await exec("target", "/payload", "interleave", "4")).toMatchObject({
      code: 0,
      stdout: "out 0\nout 2\n",
      stderr: "err 1\nerr 3\n",
    });
    expect(await host.wherry(["exec", "-i", "target", "/payload", "copy"], { stdin: "in" })).toMatchObject({ code: 0, stdout: "in" });
    expect(await host.wherry(["exec", "target", "/payload", "copy"], { stdin: "in" })).toMatchObject({ code: 0, stdout: "" });
    const bytes = await host.wherry(["exec", "target", "/payload", "pattern", "3000000"]);
    expect(bytes.stdoutBytes.length).toBe(3_000_000);
  });
  test("is not in the container's log", async () => {
    await exec("target", "/payload", "interleave", "4");
    expect(await host.ok(["logs", "target"])).toBe("ready");
  });
  test("-d returns at once, and the process runs on", async () => {
    expect(await exec("-d", "shell", "sh", "-c", "sleep 0.1; echo $$ > /pid1; exec sleep 4321")).toMatchObject({ code: 0, stdout: "" });
    await poll("it has run", async () => /\d +sleep 4321$/m.test(await host.ok(["top", "shell"])));
    await host.ok(["exec", "shell", "sh", "-c", "kill $(cat /pid1)"]);
    expect((await exec("-d", "shell", "nosuch")).code).toBe(127);
  });
  test("-t gives a terminal with our size, -it a shell", async () => {
    await using sized = host.terminal(["exec", "-it", "target", "/payload", "terminal", "1"], { rows: 33, columns: 99 });
    await sized.sees("1 1 1 33x99\r\n");
    sized.resize({ rows: 20, columns: 50 });
    await sized.sees("20x50");
    expect(await sized.exited).toBe(0);
    await using shell = host.terminal(["exec", "-it", "shell", "sh"]);
    await shell.sees("# ");
    shell.type("echo $TERM; exit 3\r");
    await shell.sees("xterm\r\n");
    expect(await shell.exited).toBe(3);
  });
  test("leaves at the detach keys, and the process runs on", async () => {
    await using program = host.terminal(["exec", "-it", "shell", "sh", "-c", "echo $$ > /pid2; echo ready; exec sleep 5432"]);
    await program.sees("ready");
    program.type("\x10\x11");
    expect(await program.exited).toBe(0);
    expect(await host.ok(["top", "shell"])).toContain("sleep 5432");
    await host.ok(["exec", "shell", "sh", "-c", "kill $(cat /pid2)"]);
    await poll("it has ended", async () => !(await host.ok(["top", "shell"])).includes("sleep 5432"));
  });
  test("ends with the container", async () => {
    await host.ok(["run", "-d", "--name", "short", "payload", "sleep"]);
    const running = host.start(["exec", "short", "/payload", "sleep"]);
    await poll("it runs", () => running.stdout === "ready\n");
    await host.ok(["stop", "-t", "0", "short"]);
    expect((await running.done).code).toBe(137);
    expect(await exec("short", "/payload", "exit")).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not running\n$/) });
    await host.ok(["rm", "short"]);
  });
  test("of a missing container, without a command: an error", async () => {
    expect(await exec("missing", "true")).toMatchObject({ code: 1, stderr: "wherry: No such container: missing\n" });
    expect((await exec("target")).code).toBe(1);
  });
  test("enters a container in a user namespace as its root, or as anybody there", async () => {
    await host.ok(["run", "-d", "--name", "remapped", "--userns", "auto", "base", "sleep", "1000"]);
    expect(
      await host.ok([
        "exec",
        "remapped",
        "sh",
        "-c",
        "id -u; cat /proc/self/uid_map | tr -s ' '; stat -c %u /bin; touch /new; stat -c %u:%g /new",
      ]),
    ).toMatch(/^0\n 0 \d{5,} 65536\n0\n0:0$/);
    expect(await host.ok(["exec", "-u", "12:34", "remapped", "sh", "-c", "id -u; id -g"])).toBe("12\n34");
    await host.ok(["rm", "-f", "remapped"]);
  });
  test("is not led astray by what the container makes of its account files", async () => {
    await Bun.write(`${host.directory}/outside-passwd`, "mallory:x:77:77::/:/bin/sh\n");
    await host.ok(["run", "-d", "--name", "hostile", "base", "sleep", "1000"]);
    for (const deed of [
      "mkfifo /etc/passwd",
      "ln -s /dev/zero /etc/passwd",
      "mkdir /etc/passwd",
      "ln -s /proc/1/root/etc/passwd /etc/passwd",
      `ln -s ../../../../../../../..${host.directory}/outside-passwd /etc/passwd`,
      "head -c 100000000 /dev/zero > /etc/passwd",
    ]) {
      await host.ok(["exec", "hostile", "sh", "-c", `rm -rf /etc/passwd; ${deed}`]);
      expect({ deed, code: (await exec("hostile", "true")).code }).toEqual({ deed, code: 0 });
      expect(await exec("-u", "mallory", "hostile", "true")).toMatchObject({
        code: 126,
        stderr: expect.stringContaining("unable to find user mallory"),
      });
    }
    // Not by id(1): it would look the number up in those 100 MB, which takes it seconds.
    expect(await host.ok(["exec", "-u", "77:77", "hostile", "grep", "^Uid:", "/proc/self/status"])).toBe("Uid:\t77\t77\t77\t77");
    await host.ok(["rm", "-f", "hostile"]);
  });
  test("finds users that were made in the container", async () => {
    await host.ok(["exec", "shell", "sh", "-c", "echo 'late:x:55:66::/home/late:/bin/sh' >> /etc/passwd"]);
    expect(await host.ok(["exec", "-u", "late", "shell", "sh", "-c", "id -u; id -g; echo $HOME"])).toBe("55\n66\n/home/late");
  });
  test("joins what the container shares", async () => {
    await host.ok([
      "run",
      "-d",
      "--name",
      "shared",
      "--pid",
      "host",
      "--network",
      "host",
      "--ipc",
      "host",
      "--uts",
      "host",
      "base",
      "sleep",
      "1000",
    ]);
    for (const name of ["pid", "net", "ipc", "uts"])
      expect(await host.ok(["exec", "shared", "readlink", `/proc/self/ns/${name}`])).toBe(readlinkSync(`/proc/self/ns/${name}`));
    await host.ok(["rm", "-f", "shared"]);
  });
  test("leaves nothing in the run directory", async () => {
    await poll("all sessions are gone", () => readdirSync(`${host.runRoot}/${id}/exec`).length === 0);
  });
});
