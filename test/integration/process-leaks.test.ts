import { beforeAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { getPriority } from "node:os";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload", "overlayfs", "seccomp", "user-namespaces", "time-namespaces", "python3");

/** What `payload leaks` and `payload identity` print. */
interface Leaks {
  readonly descriptors: readonly number[];
  readonly sessionKeys: number;
  readonly sessionKeyring: string;
  readonly mounts: string;
}
interface Identity {
  readonly pid: number;
  readonly sid: number;
  readonly groups: readonly number[];
  readonly env: readonly string[];
  readonly fds: Readonly<Record<string, string>>;
  readonly rlimits: readonly (readonly number[])[];
  readonly status: Readonly<Record<string, string>>;
}

const host = useWherryHost("leaks", { payload: true });

/** Docker's fourteen. */
const defaultCapabilities = "00000000a80425fb";
const hostStatus = spawnSync(`${repository}/test/payload/build/payload`, ["identity"], { encoding: "utf8" });
const hostIdentity = JSON.parse(hostStatus.stdout || "{}") as Identity & { readonly oomScoreAdj: string };

/** A caller who has much to leak: keys, signals that are ignored, a strict umask, open descriptors, groups, a directory, an environment. */
const caller = `import ctypes, os, platform, signal, sys
add_key, keyctl = (248, 250) if platform.machine() == "x86_64" else (217, 219)
library = ctypes.CDLL(None)
library.syscall(keyctl, 1, b"of-the-caller")
if library.syscall(add_key, b"user", b"secret", b"text", 4, -3) < 0: sys.exit("no key")
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1, signal.SIGRTMIN + 3): signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGRTMIN + 4})
os.umask(0o077)
for target in (7, 60): os.dup2(os.open("/etc/shadow", os.O_RDONLY), target, inheritable=True)
os.setgroups([4, 27, 4321])
os.chdir("/root")
os.environ["LEAKED"] = "1"
os.nice(3)
os.execv(sys.argv[1], sys.argv[1:])
`;

/** Without flags before the verb, the program starts a launcher along with the engine; with them the engine starts it. */
const ways = {
  "by the front": { args: [], env: { WHERRY_ROOT: host.root, WHERRY_RUN_ROOT: host.runRoot } },
  "by the engine": { args: host.selection, env: {} },
};

const careless = async (way: keyof typeof ways, args: readonly string[]): Promise<string> => {
  const { args: selection, env } = ways[way];
  const program = new RunningProgram("python3", ["-c", caller, wherryProgram, ...selection, ...args], { env });
  const { code, stdout, stderr } = await program.done;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
};

interface Variant {
  /** With the payload's verb at its end. */
  readonly command: readonly string[];
  readonly terminal?: true;
  readonly init?: true;
  readonly privileged?: true;
  readonly user?: true;
  readonly unconfined?: true;
}

const run = ["run", "--rm", "--network", "none"];
const variants: Readonly<Record<string, Variant>> = {
  run: { command: [...run, "payload"] },
  "run -t": { command: [...run, "-t", "payload"], terminal: true },
  "run -t --init": { command: [...run, "-t", "--init", "payload"], terminal: true, init: true },
  "run --userns auto": { command: [...run, "--userns", "auto", "payload"] },
  "run -u user": { command: [...run, "-u", "user", "payload"], user: true },
  "run --privileged": { command: [...run, "--privileged", "payload"], privileged: true, unconfined: true },
  "run without seccomp": { command: [...run, "--security-opt", "seccomp=unconfined", "payload"], unconfined: true },
  exec: { command: ["exec", "plain", "/payload"] },
  "exec -t": { command: ["exec", "-t", "plain", "/payload"], terminal: true },
  "exec -u user": { command: ["exec", "-u", "user", "plain", "/payload"], user: true },
  "exec in a user namespace": { command: ["exec", "mapped", "/payload"] },
  // As docker's, under the container's own filter.
  "exec --privileged": { command: ["exec", "--privileged", "plain", "/payload"], privileged: true },
  "exec without seccomp": { command: ["exec", "open", "/payload"], unconfined: true },
};

beforeAll(async () => {
  const start = ["run", "-d", "--network", "none", "--hostname", "box"];
  await host.ok([...start, "--name", "plain", "payload", "sleep"]);
  await host.ok([...start, "--name", "open", "--security-opt", "seccomp=unconfined", "payload", "sleep"]);
  await host.ok([...start, "--name", "mapped", "--userns", "auto", "payload", "sleep"]);
});

describe("a process has nothing of its caller, of the launcher or of the host:", () => {
  for (const [name, variant] of Object.entries(variants)) {
    test.each(Object.keys(ways) as (keyof typeof ways)[])(`${name}, launched %s`, async (way) => {
      const leaks = JSON.parse(await careless(way, [...variant.command, "leaks"])) as Leaks;
      const { descriptors, sessionKeys, sessionKeyring, mounts, ...state } = leaks;
      expect(descriptors).toEqual([0, 1, 2]);
      expect(state).toEqual({
        blocked: [],
        changed: [],
        cgroup: expect.stringMatching(/^(\d+:[^:]*:\/\n)+$/),
        deathSignal: 9,
        subreaper: 0,
        dumpable: 1,
        noNewPrivileges: 0,
        keepCapabilities: 0,
        securebits: 0,
        personality: 0,
        nice: Math.min(19, getPriority() + 3),
        timer: 0,
      });
      // The default filter forbids keyctl(2); without it the keyring is seen: a new one, without the caller's keys.
      expect([sessionKeys, sessionKeyring]).toEqual(variant.unconfined === true ? [0, "_ses"] : [-1, ""]);
      expect(hostPaths(mounts)).toEqual(["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]);

      const identity = JSON.parse(await careless(way, [...variant.command, "identity"])) as Identity;
      expect(identity).toMatchObject({
        groups: variant.user === true ? [1000, 2000] : [0],
        umask: 0o022,
        cwd: "/",
        rlimits: hostIdentity.rlimits,
        oomScoreAdj: hostIdentity.oomScoreAdj,
        tty: Array.from({ length: 3 }, () => (variant.terminal === true ? 1 : 0)),
      });
      const [input, ...outputs] = Object.values(identity.fds);
      expect(Object.keys(identity.fds)).toEqual(["0", "1", "2"]);
      if (variant.terminal === true)
        expect([input, ...outputs]).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^\/dev\/pts\/\d$/)));
      else expect([input, ...outputs]).toEqual(["/dev/null", expect.stringMatching(/^pipe:/), expect.stringMatching(/^pipe:/)]);
      const names = identity.env.map((entry) => entry.slice(0, entry.indexOf("="))).toSorted();
      expect(names).toEqual(["HOME", "HOSTNAME", "PATH", ...(variant.terminal === true ? ["TERM"] : [])]);
      expectCapabilities(identity.status, variant);
      // A session of its own: the caller's terminal can't be reached through /dev/tty.
      if (!name.startsWith("exec")) expect([identity.sid, identity.pid]).toEqual(variant.init === true ? [1, 2] : [1, 1]);
      else expect(identity.sid).toBe(identity.pid);
    });
  }
});

test("PID 1 of --init, which a container with CAP_SYS_PTRACE may trace, has what the container has and no more", async () => {
  for (const flags of [[], ["--security-opt", "no-new-privileges"], ["-u", "user"]]) {
    const options = ["--init", "--cap-add", "SYS_PTRACE", ...flags];
    const status = await host.ok(["run", "--rm", "--network", "none", ...options, "payload", "try", "read", "/proc/1/status"]);
    const line = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1];
    const bounding = "00000000a80c25fb";
    const permitted = flags.includes("-u") ? "0000000000000000" : bounding;
    expect(["CapPrm", "CapEff", "CapBnd", "Seccomp"].map(line)).toEqual([permitted, permitted, bounding, "2"]);
  }
});

test("no mount beneath the host's /sys comes along where /sys is the host's", async () => {
  const mounts = await host.ok(["run", "--rm", "--userns", "auto", "--network", "host", "payload", "try", "read", "/proc/self/mountinfo"]);
  const writable = mounts.split("\n").filter((line) => / \/sys\S* rw,/.test(line.split(" - ")[0] ?? ""));
  expect(writable).toEqual([]);
  const targets = mounts.split("\n").map((line) => line.split(" ")[4] ?? "");
  expect(targets.filter((target) => target === "/sys/fs/cgroup").length).toBe(1);
});

test("no key of the caller gets into a container that has used up its own quota of keys", async () => {
  const greedy = ["run", "-d", "--network", "none", "--userns", "auto", "--security-opt", "seccomp=unconfined", "payload", "keys"];
  const id = await host.ok(greedy);
  await poll("the quota to be used up", async () => (await host.ok(["logs", id])) === "EDQUOT");
  for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
    const { sessionKeys, sessionKeyring } = JSON.parse(await careless(way, ["exec", id, "/payload", "leaks"])) as Leaks;
    expect([sessionKeys, sessionKeyring]).toEqual([0, "_ses"]);
  }
});

function expectCapabilities(status: Readonly<Record<string, string>>, variant: Variant): void {
  const bounding = variant.privileged === true ? (hostIdentity.status["CapBnd"] ?? "") : defaultCapabilities;
  const effective = variant.user === true ? "0000000000000000" : bounding;
  expect(status).toMatchObject({
    CapInh: "0000000000000000",
    CapAmb: "0000000000000000",
    CapBnd: bounding,
    CapPrm: effective,
    CapEff: effective,
    NoNewPrivs: "0",
    Seccomp: variant.unconfined === true ? "0" : "2",
    SigBlk: "0000000000000000",
    SigIgn: "0000000000000000",
  });
}

/** Where a directory or file of this test's host is mounted. The root's own line names its layers in its options, as overlayfs does. */
function hostPaths(mounts: string): readonly string[] {
  return mounts
    .split("\n")
    .map((line) => line.split(" - ")[0]?.split(" ") ?? [])
    .flatMap(([, , , root = "", target = ""]) => (root.startsWith(host.directory) ? [target] : []))
    .toSorted();
}
