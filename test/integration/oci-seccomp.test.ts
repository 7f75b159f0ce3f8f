import { afterAll, beforeAll, describe, expect } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import type { OciSeccomp } from "../../src/plan/oci-config.ts";
import { compileSeccomp } from "../../src/plan/seccomp/compile-seccomp.ts";
import { parseSyscallTable } from "../../src/plan/seccomp/syscall-table.ts";
import { syscallsX8664 } from "../../src/plan/seccomp/syscalls-x86-64.ts";
import { repository } from "../support/host-features.ts";
import { type OciChange, ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires(
  "root",
  "launcher",
  "busybox",
  "overlayfs",
  "seccomp",
  "cc",
  "x86_64",
  "time-namespaces",
  "user-namespaces",
  "mqueue",
);

/** EXDEV: no error that sethostname(2) has of its own. */
const ANSWER = 18;
const SETHOSTNAME = 170;
const EXECVE = 59;

let host: PlanHost;
let program: string;

beforeAll(() => {
  host = new PlanHost("oci-seccomp");
  program = `${host.directory}/seccomp-agent`;
  const compiled = spawnSync("cc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program, `${repository}/test/payload/seccomp-agent.c`], {
    encoding: "utf8",
  });
  if (compiled.status !== 0) throw new Error(compiled.stderr);
});

afterAll(async () => {
  await host.close();
});

class Agent {
  readonly socket: string;
  readonly #process: ChildProcess;
  #output = "";

  constructor(name: string) {
    this.socket = `${host.directory}/${name}.sock`;
    this.#process = spawn(program, [this.socket, `${ANSWER}`], { stdio: ["ignore", "pipe", "inherit"] });
    this.#process.stdout?.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString("utf8");
    });
  }

  get lines(): readonly string[] {
    return this.#output.trim().split("\n");
  }

  async ready(): Promise<void> {
    await poll("the agent to listen", () => this.#output.startsWith("ready\n"));
  }

  async end(): Promise<readonly string[]> {
    await poll("the agent to end", () => this.#process.exitCode !== null);
    return this.lines;
  }
}

function withProfile(profile: OciSeccomp, script: string, change: OciChange = {}) {
  const input = ociInput(host, script, { ...change, linux: { ...change.linux, seccomp: profile } });
  return { ...input, seccompProgram: compileSeccomp(profile, "x86_64") };
}

const notifying = (agent: Agent, more: Partial<OciSeccomp> = {}): OciSeccomp => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["sethostname", "execve"], action: "SCMP_ACT_NOTIFY" }],
  listenerPath: agent.socket,
  ...more,
});

describe("SCMP_ACT_NOTIFY", () => {
  for (const noNewPrivileges of [false, true]) {
    test(`asks the agent, which gets the descriptor and the state${noNewPrivileges ? ", under no_new_privs" : ""}`, async () => {
      const agent = new Agent(`agent-${noNewPrivileges}`);
      await agent.ready();
      const output = await host.runInput(
        withProfile(notifying(agent, { listenerMetadata: "some metadata" }), "hostname x 2>&1; echo end", {
          process: { noNewPrivileges },
        }),
      );
      expect(output).toContain("sethostname: Invalid cross-device link");
      expect(output).toEndWith("end\nstatus 0\n");
      const [, state = "", ...calls] = await agent.end();
      const { pid } = JSON.parse(state) as { pid: number };
      expect(JSON.parse(state)).toEqual({
        ociVersion: "1.2.0",
        fds: ["seccompFd"],
        pid,
        metadata: "some metadata",
        state: { ociVersion: "1.2.0", id: "oci", status: "creating", pid, bundle: host.directory },
      });
      expect(pid).toBeGreaterThan(1);
      // The container's own exec is among them.
      expect(calls.map(Number)).toContain(EXECVE);
      expect(calls.map(Number)).toContain(SETHOSTNAME);
    });
  }

  test("of an exec names the container's first process as well", async () => {
    const target = await host.start("default", { script: "sleep 1000", id: "target" });
    const agent = new Agent("agent-exec");
    await agent.ready();
    await host.runInput(withProfile(notifying(agent), "true", { sample: "exec", launch: { target, id: "target" } }));
    const { pid, state } = JSON.parse((await agent.end())[1] ?? "") as { pid: number; state: { pid: number; status: string } };
    expect(state).toMatchObject({ pid: target.pid, status: "running" });
    expect(pid).not.toBe(target.pid);
    await host.kill(target);
  });

  for (const flag of ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG"] as const) {
    test(`goes together with ${flag}`, async () => {
      const agent = new Agent(flag.toLowerCase());
      await agent.ready();
      const output = await host.runInput(withProfile(notifying(agent, { flags: [flag] }), "hostname x 2>&1; echo end"));
      expect(output).toContain("sethostname: Invalid cross-device link");
      await agent.end();
    });
  }

  test("without an agent is an error, and so is what can't work", async () => {
    const profile: OciSeccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["sethostname"], action: "SCMP_ACT_NOTIFY" }] };
    await expect(host.runInput(withProfile(profile, "true"))).rejects.toThrow("`linux.seccomp.listenerPath` is missing");
    const listenerPath = `${host.directory}/nobody.sock`;
    await expect(host.runInput(withProfile({ ...profile, listenerPath }, "true"))).rejects.toThrow(
      `hand the seccomp filter to the agent at \`${listenerPath}\`: no such file or directory`,
    );
    const all: OciSeccomp = { defaultAction: "SCMP_ACT_NOTIFY", listenerPath };
    await expect(host.runInput(withProfile(all, "true"))).rejects.toThrow("`linux.seccomp.defaultAction`");
    const own: OciSeccomp = { ...profile, listenerPath, syscalls: [{ names: ["sendmsg"], action: "SCMP_ACT_NOTIFY" }] };
    await expect(host.runInput(withProfile(own, "true"))).rejects.toThrow("`sendmsg`");
  });
});

describe("a filter", () => {
  test("answers with the default's and the rule's error", async () => {
    const others = [...parseSyscallTable(syscallsX8664).keys()].filter((name) => name !== "sethostname" && name !== "chroot");
    const profile: OciSeccomp = {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: ANSWER,
      syscalls: [
        { names: others, action: "SCMP_ACT_ALLOW" },
        { names: ["chroot"], action: "SCMP_ACT_ERRNO", errnoRet: 7 },
      ],
    };
    const output = await host.runInput(withProfile(profile, "hostname x 2>&1; busybox chroot / true 2>&1; true"));
    expect(output).toContain("sethostname: Invalid cross-device link");
    expect(output).toContain("Argument list too long");
  });

  test("looks at arguments", async () => {
    // kill(2) with a signal above 20, chmod(2) with the sticky bit.
    const profile: OciSeccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        { names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: ANSWER, args: [{ index: 1, value: 20, op: "SCMP_CMP_GT" }] },
        {
          names: ["chmod", "fchmodat"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: ANSWER,
          args: [{ index: 1, value: 0o1000, valueTwo: 0o1000, op: "SCMP_CMP_MASKED_EQ" }],
        },
      ],
    };
    const script =
      "kill -20 $$ 2>&1; kill -0 $$ && echo allowed; kill -28 $$ 2>&1; busybox chmod 755 /tmp && echo allowed; busybox chmod 1777 /tmp 2>&1; true";
    const output = await host.runInput(withProfile(profile, script));
    expect(output.match(/allowed/g)).toHaveLength(2);
    expect(output.match(/cross-device/g)).toHaveLength(2);
  });
});
