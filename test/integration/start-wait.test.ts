// STARTWAIT: a process that is all set up waits for its start, without launcher or monitor.
import { afterEach, beforeEach, expect } from "bun:test";
import { constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { launchPlan } from "../../src/kernel/launcher-client.ts";
import { isWaiting, startThroughPipe } from "../../src/kernel/start-pipe.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import { PlanBuilder } from "../../src/plan/plan-builder.ts";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox");
const launcher = `${repository}/launcher/build/launcher`;
const CLONE_NEWPID = 0x2000_0000;
const S_IFIFO = 0o010000;
const why = { why: "test" };

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-start-`);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const pipes = () => ({ start: `${directory}/start`, reply: `${directory}/reply` });

/** Leaves a process that waits; `candidates` are looked for before it does. */
async function wait(command: readonly string[], candidates: readonly string[] = [command[0] ?? ""]): Promise<number> {
  const plan = new PlanBuilder();
  const slots = { start: plan.slot("start"), reply: plan.slot("reply"), secret: plan.slot("secret") };
  for (const name of ["start", "reply"] as const) {
    plan.host("MKNOD", [null, pipes()[name], S_IFIFO | 0o600, 0, 0, 0, 0], why);
    plan.host("OPEN", [null, pipes()[name], constants.O_RDWR | 0o2000000, 0, 0, slots[name]], why);
  }
  plan.host("OPEN", [null, directory, constants.O_DIRECTORY | 0o2000000, 0, 0, slots.secret], why);
  plan.host("CLONE", [CLONE_NEWPID, null, null], why);
  plan.child("STARTWAIT", [slots.start, slots.reply, candidates], why);
  plan.child("EXEC", [[command[0] ?? ""], command, ["PATH=/bin"]], why);
  plan.tail("DETACH", [], why);
  const { connection, pid, monitorPid } = await launchPlan({ launcher, plan: encodePlan(plan.build()) });
  expect(await connection.ended).toBeNull();
  await poll("the launcher is gone", () => !existsSync(`/proc/${monitorPid}`) || state(monitorPid) === "Z");
  return pid;
}

function state(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) (.).*$/s, "$1");
  } catch {
    return "gone";
  }
}

const isGone = (pid: number) => state(pid) === "gone" || state(pid) === "Z";

test("the process waits until a byte comes, and then executes its program", async () => {
  const pid = await wait(["/bin/busybox", "sleep", "100"]);
  expect(isWaiting(pipes().start)).toBe(true);
  expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toContain("launcher");
  expect(startThroughPipe(pipes())).toEqual({ kind: "started" });
  expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toBe("/bin/busybox\0sleep\x00100\0");
  expect(isWaiting(pipes().start)).toBe(false);
  expect(startThroughPipe(pipes())).toEqual({ kind: "gone" });
  process.kill(pid, "SIGKILL");
});

test("while it waits it holds nothing but the two pipes", async () => {
  const pid = await wait(["/bin/busybox", "true"]);
  const { readdirSync, readlinkSync } = await import("node:fs");
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  expect(open.filter((path) => path !== "/dev/null").sort()).toEqual([pipes().reply, pipes().start]);
  process.kill(pid, "SIGKILL");
});

test("a program that is not there is told to whoever creates", async () => {
  const failure = await wait(["/nosuch"]).then(
    () => undefined,
    (error: { readonly details?: unknown }) => error.details,
  );
  expect(failure).toMatchObject({ errno: 2, detail: "/nosuch", operation: 6 });
});

test("what fails after the start is told to whoever starts", async () => {
  const pid = await wait(["/etc"]);
  expect(startThroughPipe(pipes())).toEqual({ kind: "failed", operation: 7, errno: 13, detail: "/etc" });
  await poll("it is gone", () => isGone(pid));
});

test.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("%s ends the one that waits, and nobody hangs on it", async (signal) => {
  const pid = await wait(["/bin/busybox", "true"]);
  process.kill(pid, signal);
  await poll("it is gone", () => isGone(pid));
  expect(isWaiting(pipes().start)).toBe(false);
  expect(startThroughPipe(pipes())).toEqual({ kind: "gone" });
});
