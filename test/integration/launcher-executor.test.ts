import { afterEach, expect } from "bun:test";
import { closeSync, constants, copyFileSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { EngineError } from "../../src/core/engine-error.ts";
import { launchPlan } from "../../src/kernel/launcher-client.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import { PlanBuilder } from "../../src/plan/plan-builder.ts";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox");
const launcher = `${repository}/launcher/build/launcher`;
const CLONE_NEWPID = 0x2000_0000;
const why = { why: "test" };

let work: string | undefined;

afterEach(() => {
  if (work !== undefined) rmSync(work, { recursive: true });
  work = undefined;
});

/** A child that waits at the point `here` before it runs `command`. */
function waitingPlan(command: readonly string[], prepare: (plan: PlanBuilder) => void = () => {}): Uint8Array {
  const plan = new PlanBuilder();
  prepare(plan);
  plan.host("CLONE", [CLONE_NEWPID, null, null], why);
  plan.parent("TELL", ["here"], why);
  plan.parent("HOLD", ["here"], why);
  plan.parent("GIVE", [[]], why);
  plan.child("TAKE", [[]], why);
  plan.child("PDEATHSIG", [9], why);
  plan.child("EXEC", [[command[0] ?? ""], command, ["PATH=/bin"]], why);
  plan.tail("DETACH", [], why);
  return encodePlan(plan.build());
}

const holds = new Set(["here"]);

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function isGone(pid: number): boolean {
  return !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}

async function failureOf(launch: Promise<unknown>): Promise<EngineError> {
  const error = await launch.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EngineError)) throw new Error(`not an EngineError: ${String(error)}`);
  return error;
}

test("CVE-2019-5736: neither the launcher's executable nor a kept descriptor of it can be written", async () => {
  // A file of its own: one that another test's launcher runs just now is busy.
  work = mkdtempSync(`${tmpdir()}/wherry-executor-`);
  const own = `${work}/launcher`;
  copyFileSync(launcher, own);
  const before = readFileSync(own);
  let kept = -1;
  const onTell = (_point: string, pid: number): void => {
    for (const process of [pid, parentOf(pid)]) {
      const path = `/proc/${process}/exe`;
      for (const flags of [constants.O_WRONLY, constants.O_RDWR, constants.O_WRONLY | constants.O_TRUNC]) {
        expect(() => openSync(path, flags)).toThrow(/EROFS|ETXTBSY/);
      }
      if (kept < 0) kept = openSync(path, "r");
    }
  };
  const launched = await launchPlan({ launcher: own, plan: waitingPlan(["/bin/busybox", "true"]), holds, onTell });
  launched.connection.close();
  await poll("the process is gone", () => isGone(launched.pid) && isGone(launched.monitorPid));
  // Nobody runs it now, so only the mount (or the seals) stand in the way.
  expect(() => {
    const fd = openSync(`/proc/self/fd/${kept}`, "r+");
    try {
      writeSync(fd, "x");
    } finally {
      closeSync(fd);
    }
  }).toThrow(/EROFS|EPERM/);
  closeSync(kept);
  expect(readFileSync(own).equals(before)).toBe(true);
});

test("CVE-2024-21626: a program named through one of the launcher's descriptors is not found", async () => {
  work = mkdtempSync(`${tmpdir()}/wherry-executor-`);
  const directory = work;
  for (let fd = 3; fd < 16; fd++) {
    const plan = waitingPlan([`/proc/self/fd/${fd}/../../../../bin/busybox`, "true"], (builder) => {
      const slot = builder.slot("directory");
      builder.host("OPEN", [null, directory, constants.O_DIRECTORY, 0, 0, slot], why);
    });
    const error = await failureOf(launchPlan({ launcher, plan, holds }));
    expect(error.details).toMatchObject({ operation: 7, errno: 2 });
  }
});

test("launchPlan() undoes everything when the client gives up during the set-up", async () => {
  const abort = new AbortController();
  let child = 0;
  let monitor = 0;
  const onTell = (_point: string, pid: number): void => {
    child = pid;
    monitor = parentOf(pid);
    abort.abort(new Error("given up"));
  };
  await expect(
    launchPlan({ launcher, plan: waitingPlan(["/bin/busybox", "sleep", "1000"]), onTell, signal: abort.signal }),
  ).rejects.toThrow("given up");
  await poll("all is undone", () => isGone(child) && isGone(monitor));
});

test("a child that is killed during the set-up is reported with the signal", async () => {
  const onTell = (_point: string, pid: number): void => void process.kill(pid, "SIGKILL");
  const error = await failureOf(launchPlan({ launcher, plan: waitingPlan(["/bin/busybox", "true"]), onTell }));
  expect(error.details).toMatchObject({ operation: null, detail: "the child was killed by signal 9 before it could report" });
});

test("the set-up ends when the launcher is killed", async () => {
  let child = 0;
  const onTell = (_point: string, pid: number): void => {
    child = pid;
    process.kill(parentOf(pid), "SIGKILL");
  };
  const error = await failureOf(launchPlan({ launcher, plan: waitingPlan(["/bin/busybox", "true"]), onTell }));
  expect(error.code).toBe("LAUNCHER_UNAVAILABLE");
  await poll("the child is gone", () => isGone(child));
});
