// The process itself: environment, directory, user, capabilities, limits, init. What it says of itself counts, not what inspect says.
import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("process", { payload: true });

interface Identity {
  readonly pid: number;
  readonly ppid: number;
  readonly sid: number;
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly umask: number;
  readonly hostname: string;
  readonly cwd: string;
  readonly env: readonly string[];
  readonly fds: Readonly<Record<string, string>>;
  readonly rlimits: readonly (readonly [number, number])[];
  readonly oomScoreAdj: string;
  readonly status: Readonly<Record<string, string>>;
}

const identity = async (...options: readonly string[]) =>
  JSON.parse(await host.ok(["run", "--rm", ...options, "payload", "identity"])) as Identity;
const sh = (line: string, ...options: readonly string[]) => host.ok(["run", "--rm", ...options, "base", "sh", "-c", line]);
const fails = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await host.wherry(["run", "--rm", ...args]);
  expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
  expect(stderr).toMatch(/^wherry: [^\n]+\n$|^invalid argument [^\n]+\n/);
  return stderr;
};
const bit = (name: number) => 1n << BigInt(name);
/** Docker's fourteen: capability.h's numbers. */
const defaults = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31].reduce((set, number) => set | bit(number), 0n);
const held = (inside: Identity, name = "CapEff") => BigInt(`0x${inside.status[name]}`);

describe("an empty word, of a variable that is not set", () => {
  test("is no directory, no name, no way to share", async () => {
    expect(await sh("pwd", "-w", "", "--name", "", "--userns", "", "-u", "", "-h", "")).toBe("/");
    await host.ok(["run", "-d", "--name", "own", "-w", "/srv", "base", "sleep", "1000"]);
    expect(await host.ok(["exec", "-w", "", "own", "pwd"])).toBe("/srv");
    await host.ok(["rm", "-f", "own"]);
  });
  test("is no command", async () => {
    expect(await host.wherry(["run", "--rm", "base", ""])).toMatchObject({
      code: 127,
      stderr: 'wherry: exec: "": executable file not found in $PATH\n',
    });
  });
});

describe("environment", () => {
  test("is PATH, HOSTNAME, HOME and what was given, nothing of the host's", async () => {
    const plain = await host.wherry(["run", "--rm", "-h", "box", "payload", "identity"], { env: { LEAKED: "1" } });
    expect((JSON.parse(plain.stdout) as Identity).env.toSorted()).toEqual([
      "HOME=/root",
      "HOSTNAME=box",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]);
  });
  test("-e sets, takes from ours, or leaves out; later ones win", async () => {
    const result = await host.wherry(
      ["run", "--rm", "-e", "A=1", "-e", "TAKEN", "-e", "ABSENT", "-e", "EMPTY=", "-e", "A=2", "-e", "SPACE=a b=c", "payload", "identity"],
      { env: { TAKEN: "ours", ABSENT: undefined } },
    );
    const { env } = JSON.parse(result.stdout) as Identity;
    expect(env).toEqual(expect.arrayContaining(["A=2", "TAKEN=ours", "EMPTY=", "SPACE=a b=c"]));
    expect(env.filter((entry) => /^(A=1|ABSENT)/.test(entry))).toEqual([]);
  });
  test("--env-file reads lines, without quotes' meaning; -e wins over it", async () => {
    writeFileSync(`${host.directory}/env`, '# comment\n\nA=file\nB="quoted"\nTAKEN\n  C=trimmed\n');
    const result = await host.wherry(["run", "--rm", "--env-file", `${host.directory}/env`, "-e", "A=flag", "payload", "identity"], {
      env: { TAKEN: "ours" },
    });
    expect((JSON.parse(result.stdout) as Identity).env).toEqual(
      expect.arrayContaining(["A=flag", 'B="quoted"', "TAKEN=ours", "C=trimmed"]),
    );
    expect(await fails("--env-file", "/no/such", "payload", "identity")).toContain("/no/such");
    writeFileSync(`${host.directory}/bad`, "A B=1\n");
    await fails("--env-file", `${host.directory}/bad`, "payload", "identity");
  });
  test("TERM is there with a terminal only; HOME is the user's", async () => {
    expect((await host.wherry(["run", "--rm", "-t", "base", "sh", "-c", "echo $TERM"])).stdout).toBe("xterm\r\n");
    expect((await identity("-u", "user")).env).toContain("HOME=/home/user");
    expect((await identity("-u", "4242")).env).toContain("HOME=/");
    expect((await identity("-u", "user", "-e", "HOME=/mine")).env).toContain("HOME=/mine");
    // Of an image, too: an empty one is none, as with runc.
    expect((await identity("-u", "user", "-e", "HOME=")).env.filter((entry) => entry.startsWith("HOME"))).toEqual(["HOME=/home/user"]);
  });
  test("the image's is kept, and replaced by name", async () => {
    await host.ok([
      "import",
      "--change",
      'ENTRYPOINT ["/payload"]',
      "--change",
      "ENV A=image B=image PATH=/only",
      `${host.directory}/payload.tar`,
      "env",
    ]);
    const { env } = JSON.parse(await host.ok(["run", "--rm", "-e", "B=flag", "env", "identity"])) as Identity;
    expect(env).toEqual(expect.arrayContaining(["A=image", "B=flag", "PATH=/only"]));
  });
});

describe("working directory", () => {
  test("is /, the image's, or -w, made when it is missing", async () => {
    expect((await identity()).cwd).toBe("/");
    expect((await identity("-w", "/tmp")).cwd).toBe("/tmp");
    expect((await identity("-w", "/made/for/it")).cwd).toBe("/made/for/it");
    expect(await sh("stat -c '%u:%g %a' .", "-w", "/made/for/it")).toBe("0:0 755");
    await host.ok([
      "import",
      "--change",
      'ENTRYPOINT ["/payload"]',
      "--change",
      "WORKDIR /images/own",
      `${host.directory}/payload.tar`,
      "workdir",
    ]);
    expect((JSON.parse(await host.ok(["run", "--rm", "workdir", "identity"])) as Identity).cwd).toBe("/images/own");
  });
  test("that is relative or a file is refused", async () => {
    expect(await fails("-w", "relative", "base", "true")).toContain("relative");
    expect((await host.wherry(["run", "--rm", "-w", "/etc/passwd", "base", "true"])).stderr).toMatch(/\/etc\/passwd.*not a directory/);
  });
});

describe("user", () => {
  test("is root, with the image's groups", async () => {
    expect(await identity()).toMatchObject({ uid: 0, euid: 0, gid: 0 });
  });
  test.each([
    ["user", { uid: 1000, gid: 1000, groups: [1000, 2000] }],
    ["1000", { uid: 1000, gid: 1000, groups: [1000, 2000] }],
    ["user:extra", { uid: 1000, gid: 2000, groups: [2000] }],
    ["user:7", { uid: 1000, gid: 7, groups: [7] }],
    ["5:6", { uid: 5, gid: 6, groups: [6] }],
    ["4242", { uid: 4242, gid: 0, groups: [0] }],
  ] as const)("-u %s", async (user, expected) => {
    expect(await identity("-u", user)).toMatchObject(expected);
  });
  test("the image's USER, found in the image", async () => {
    await host.ok([
      "import",
      "--change",
      'ENTRYPOINT ["/payload"]',
      "--change",
      "USER user:extra",
      `${host.directory}/payload.tar`,
      "user",
    ]);
    expect(JSON.parse(await host.ok(["run", "--rm", "user", "identity"]))).toMatchObject({ uid: 1000, gid: 2000 });
  });
  test("--group-add by name and number", async () => {
    expect((await identity("-u", "5:6", "--group-add", "extra", "--group-add", "33")).groups).toEqual([6, 33, 2000]);
  });
  test("that is not there is refused, and leaves no container", async () => {
    expect(await fails("-u", "nosuch", "payload", "identity")).toContain("unable to find user nosuch: no matching entries in passwd file");
    expect(await fails("-u", "user:nosuch", "payload", "identity")).toContain("unable to find group nosuch");
    expect(await fails("--group-add", "nosuch", "payload", "identity")).toContain("unable to find group nosuch");
    expect((await host.wherry(["run", "-u", "nosuch", "payload", "identity"])).code).toBe(125);
    expect(await host.ok(["ps", "-aq"])).toBe("");
  });
});

describe("capabilities", () => {
  test("are docker's fourteen, in all sets but inheritable and ambient", async () => {
    const inside = await identity();
    for (const set of ["CapEff", "CapPrm", "CapBnd"]) expect({ set, held: held(inside, set) }).toEqual({ set, held: defaults });
    for (const set of ["CapInh", "CapAmb"]) expect({ set, held: held(inside, set) }).toEqual({ set, held: 0n });
  });
  test("--cap-add and --cap-drop, ALL too", async () => {
    expect(held(await identity("--cap-add", "NET_ADMIN", "--cap-drop", "CAP_CHOWN", "--cap-drop", "kill"))).toBe(
      (defaults | bit(12)) & ~bit(0) & ~bit(5),
    );
    expect(held(await identity("--cap-drop", "ALL"))).toBe(0n);
    expect(held(await identity("--cap-drop", "ALL", "--cap-add", "SETUID"))).toBe(bit(7));
    expect(held(await identity("--cap-add", "ALL", "--cap-drop", "SYS_ADMIN")) & bit(21)).toBe(0n);
  });
  test("a user who is not root has none, but may get the bounding set's by programs", async () => {
    const inside = await identity("-u", "user");
    expect([held(inside), held(inside, "CapPrm"), held(inside, "CapBnd")]).toEqual([0n, 0n, defaults]);
  });
  test("--privileged: all that we have, no filter, devices and writable /sys", async () => {
    const inside = await identity("--privileged");
    const own = BigInt(`0x${/CapPrm:\s*(\w+)/.exec(await Bun.file("/proc/self/status").text())?.[1]}`);
    expect(held(inside)).toBe(own);
    expect(inside.status["Seccomp"]).toBe("0");
    expect(await sh("ls /dev | grep -c .; grep -E ' /sys sysfs ro| /proc/sys ' /proc/mounts; true", "--privileged")).toMatch(/^\d{2,}$/);
  });
  test("an unknown one is refused", async () => {
    expect(await fails("--cap-add", "FLY", "base", "true")).toContain("FLY");
  });
});

describe("security options", () => {
  test("no-new-privileges keeps set-user-id programs from gaining", async () => {
    const program = `${repository}/test/payload/build/payload`;
    for (const [options, answer] of [
      [[], "ok"],
      [["--security-opt", "no-new-privileges"], "EPERM"],
    ] as const) {
      await host.ok([
        "run",
        "-d",
        "--name",
        "setuid",
        "-v",
        `${program}:/p:ro`,
        ...options,
        "base",
        "sh",
        "-c",
        "cp /p /su; chmod 4755 /su; echo ready; exec sleep 1000",
      ]);
      await poll("it is ready", async () => (await host.ok(["logs", "setuid"])) === "ready");
      expect((await host.wherry(["exec", "-u", "1000", "setuid", "/su", "try", "setuid", "0"])).stdout).toBe(`${answer}\n`);
      await host.ok(["rm", "-f", "setuid"]);
    }
    expect((await identity("--security-opt", "no-new-privileges")).status["NoNewPrivs"]).toBe("1");
  });
  test("seccomp is on by default, off on request, and takes a profile's file", async () => {
    expect((await identity()).status["Seccomp"]).toBe("2");
    expect((await identity("--security-opt", "seccomp=unconfined")).status["Seccomp"]).toBe("0");
    writeFileSync(
      `${host.directory}/profile.json`,
      JSON.stringify({
        defaultAction: "SCMP_ACT_ALLOW",
        architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
      }),
    );
    expect(
      (await host.wherry(["run", "--rm", "--security-opt", `seccomp=${host.directory}/profile.json`, "base", "mkdir", "/x"])).stderr,
    ).toContain("Operation not permitted");
    expect(await fails("--security-opt", "seccomp=/no/such", "base", "true")).toContain("/no/such");
    writeFileSync(`${host.directory}/broken.json`, "{");
    await fails("--security-opt", `seccomp=${host.directory}/broken.json`, "base", "true");
    await fails("--security-opt", "nonsense", "base", "true");
  });
});

describe("limits", () => {
  test("--ulimit sets soft and hard, even a handful of descriptors", async () => {
    expect((await identity("--ulimit", "nofile=50:60", "--ulimit", "core=0")).rlimits[7]).toEqual([50, 60]);
    expect((await identity("--ulimit", "nofile=5")).rlimits[7]).toEqual([5, 5]);
    expect(await fails("--ulimit", "nofile=60:50", "base", "true")).toContain("nofile");
    expect(await fails("--ulimit", "nosuch=1", "base", "true")).toContain("nosuch");
  });
  test("--oom-score-adj", async () => {
    expect((await identity()).oomScoreAdj).toBe("0");
    expect((await identity("--oom-score-adj", "321")).oomScoreAdj).toBe("321");
    expect(await fails("--oom-score-adj", "2000", "base", "true")).toContain("1000");
  });
  test("--sysctl sets namespaced ones, and no others", async () => {
    expect(
      await sh(
        "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start",
        "--sysctl",
        "net.core.somaxconn=321",
        "--sysctl",
        "kernel.msgmax=9000",
      ),
    ).toBe("321\n9000\n0");
    expect(await fails("--sysctl", "vm.swappiness=1", "base", "true")).toContain("vm.swappiness");
    expect(await fails("--network", "host", "--sysctl", "net.core.somaxconn=1", "base", "true")).toContain("net.core.somaxconn");
    const refused = await host.wherry(["run", "--rm", "--sysctl", "net.core.nosuch=1", "base", "true"]);
    expect(refused).toMatchObject({ code: 125, stderr: expect.stringContaining("nosuch") });
  });
});

describe("its place", () => {
  test("PID 1 in a session of its own, only the three streams open, nothing blocked or ignored, umask 022", async () => {
    const inside = await identity();
    expect(inside).toMatchObject({
      pid: 1,
      ppid: 0,
      sid: 1,
      umask: 0o022,
      status: { SigBlk: "0000000000000000", SigIgn: "0000000000000000" },
    });
    expect(Object.keys(inside.fds).sort()).toEqual(["0", "1", "2"]);
    expect(inside.fds["0"]).toBe("/dev/null");
  });
  test("the host name is the short id, or -h", async () => {
    expect((await identity()).hostname).toMatch(/^[0-9a-f]{12}$/);
    expect((await identity("-h", "my.box", "--domainname", "example.org")).hostname).toBe("my.box");
    expect(await sh("hostname; cat /etc/hostname", "-h", "my.box")).toBe("my.box\nmy.box");
  });
});

describe("--init", () => {
  /** Zombies too, which control groups no longer list. */
  const childrenOf = async (name: string) => {
    const pid = await host.ok(["inspect", "-f", "{{.State.Pid}}", name]);
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .filter((word) => word !== "");
  };
  test("puts a reaper before the process: zombies go, signals pass, the exit code is its own", async () => {
    await host.ok(["run", "-d", "--init", "--name", "init", "payload", "orphans", "5"]);
    await poll("the orphans were made", async () => (await host.ok(["logs", "init"])).includes("ready"));
    await poll("the process alone", async () => (await childrenOf("init")).length === 1);
    await host.ok(["rm", "-f", "init"]);

    await host.ok(["run", "-d", "--init", "--name", "init", "payload", "signals"]);
    await poll("it is ready", async () => (await host.ok(["logs", "init"])).includes("ready"));
    for (const [signal, number] of [
      ["USR1", "10"],
      ["QUIT", "3"],
      ["TERM", "15"],
    ] as const) {
      await host.ok(["kill", "-s", signal, "init"]);
      await poll(`${signal} arrives`, async () => (await host.ok(["logs", "init"])).split("\n").includes(number));
    }
    expect(await host.ok(["wait", "init"])).toBe("0");
    await host.ok(["rm", "init"]);
  });
  test("exit codes: the process's own, 128 + n, 127 for a missing program", async () => {
    expect((await host.wherry(["run", "--rm", "--init", "payload", "exit", "9"])).code).toBe(9);
    expect((await host.wherry(["run", "--rm", "--init", "payload", "die", "15"])).code).toBe(143);
    expect((await host.wherry(["run", "--rm", "--init", "base", "nosuch"])).code).toBe(127);
  });
  test("without it zombies stay, as PID 1 does not reap", async () => {
    await host.ok(["run", "-d", "--name", "noinit", "payload", "orphans", "5"]);
    await poll("zombies", async () => (await childrenOf("noinit")).length === 5);
    await host.ok(["rm", "-f", "noinit"]);
  });
});
