import type { ExplainedPlan, ExplainedStep } from "../../../src/plan/explained-plan.ts";
import { BEST_EFFORT, HARMLESS, isAllowed, isMonitors, REAPER } from "./allowances.ts";
import { callForm, passed, placeOf } from "./call-form.ts";
import { type CallText, members, parseCall } from "./call-text.ts";
import { Descriptors } from "./descriptors.ts";
import { findLauncher, type TracedProcess } from "./trace-process.ts";

type Trace = ReadonlyMap<number, TracedProcess>;

export interface Comparison {
  /** What was done and not planned, or planned and not done; at most one for each process, as the sides are out of step after it. */
  readonly findings: readonly string[];
  /** Numbers of the steps that had nothing to do: the directory was there, or an error came that the plan ignores. */
  readonly idle: ReadonlySet<number>;
}

/** Compares a plan's explanation with the system calls of the launcher and of its child, from the plan's arrival to the exec. */
export function comparePlan(plan: ExplainedPlan, trace: Trace): Comparison {
  const launcher = new Walk(trace, findLauncher(trace), new Descriptors());
  const findings = attempt(() => {
    for (const step of plan.steps.filter(({ section }) => section === "host" || section === "parent")) launcher.take(step);
    launcher.finishMonitor(plan.steps.find(({ section }) => section === "tail"));
  });
  const { child } = launcher;
  if (child === null) return { findings: [...findings, "no child was made"], idle: launcher.idle };
  const ofChild = attempt(() => {
    for (const step of plan.steps.filter(({ section }) => section === "child")) child.take(step);
    if (!child.executed) throw new Error("the child has not executed anything");
  });
  return { findings: [...findings, ...ofChild, ...launcher.asides, ...child.asides], idle: new Set([...launcher.idle, ...child.idle]) };
}

function attempt(compare: () => void): readonly string[] {
  try {
    compare();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

const AMBIENT_RAISE = "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, ";
const BOUNDING_DROP = "prctl(PR_CAPBSET_DROP, ";

/** A step's calls; one that names several capabilities is a call for each. */
function plannedCalls(step: ExplainedStep, childPid: number | null): readonly CallText[] {
  return step.calls.flatMap((text) => {
    const prefix = [AMBIENT_RAISE, BOUNDING_DROP].find((start) => text.startsWith(start));
    const known = childPid === null ? text : text.replaceAll(/(?<!= )<pid>/g, `${childPid}`);
    if (prefix === undefined) return [parseCall(known)];
    const names = text.slice(prefix.length, -1).split("|");
    return names.flatMap((name) => (name === "0" || name.startsWith("0x") ? [] : [parseCall(`${prefix}${name})`)]));
  });
}

/** Walks along what one process did, step by step of the plan. */
class Walk {
  readonly #trace: Trace;
  readonly #descriptors: Descriptors;
  readonly #childPid: number | null;
  #calls: readonly CallText[];
  #at = 0;
  /** Directories made on the way to one that a step names. */
  #made = new Set<string>();
  child: Walk | null = null;
  executed = false;
  #armed = false;
  readonly idle = new Set<number>();
  readonly asides: string[] = [];

  constructor(trace: Trace, process: TracedProcess, descriptors: Descriptors, childPid: number | null = null) {
    this.#trace = trace;
    this.#calls = process.calls;
    this.#descriptors = descriptors;
    this.#childPid = childPid;
  }

  take(step: ExplainedStep): void {
    if (this.executed) throw new Error(`step ${step.number} follows the exec`);
    const inputs = [...step.call.matchAll(/(?<!= )fd:([^\s,)\]}<]+)/g)].map(([, name = ""]) => name);
    const isCopingWithEmpty = /^(sendmsg|recvmsg|close|monitor)\(/.test(step.call);
    if (!isCopingWithEmpty && inputs.some((name) => this.#descriptors.isEmpty(name))) {
      this.#leave(step);
      return;
    }
    const calls = plannedCalls(step, this.child?.pidInTrace ?? this.#childPid);
    for (const planned of calls) {
      if (planned.name === "execve" && this.executed) return;
      if (planned.name === "close" && this.#descriptors.isEmpty(planned.args[0]?.slice("fd:".length) ?? "")) continue;
      if (this.#await(planned, step) === "over") {
        this.#leave(step);
        return;
      }
    }
  }

  /** From the last step to STARTED: what the plan's MONITOR does, in the directory that it names. */
  finishMonitor(monitor: ExplainedStep | undefined): void {
    const directory = /directory="([^"]+)"/.exec(monitor?.call ?? "")?.[1];
    for (let call = this.#next(); call !== undefined; call = this.#next()) {
      if (call.name === "writev" && call.args[0] === "3") return;
      const place = placeOf(call, this.#descriptors);
      const isPlanned = directory !== undefined && isMonitors(call) && (place === null || place.startsWith(`${directory}/`));
      if (!isPlanned && !this.#isHarmless(call, null)) throw new Error(`unplanned, before the process started: ${call.text}`);
      if (isPlanned && call.name === "openat") this.#descriptors.opened(Number(call.result), place ?? "");
    }
    throw new Error("the launcher did not say that the process has started");
  }

  get pidInTrace(): number | null {
    return this.#childPid;
  }

  #next(): CallText | undefined {
    return this.#calls[this.#at++];
  }

  /** Goes on to the call that was planned. "over": the step ended before it, as it may. */
  #await(planned: CallText, step: ExplainedStep): "done" | "over" {
    const place = placeOf(planned, this.#descriptors);
    for (let call = this.#next(); call !== undefined; call = this.#next()) {
      if (this.#matches(planned, call)) return this.#carriedOut(planned, call, step);
      if (this.#isHarmless(call, planned)) {
        if (place !== null && endsStep({ planned, place, call, step, at: placeOf(call, this.#descriptors) })) return "over";
      } else if (!this.#isOnTheWay(call, planned, place) && !isAllowed(call, { next: planned.name, armed: this.#armed })) {
        throw new Error(`unplanned: ${call.text}\n  where step ${step.number} has: ${planned.text}`);
      }
    }
    throw new Error(`planned and not done, step ${step.number}: ${planned.text}`);
  }

  #matches(planned: CallText, call: CallText): boolean {
    const isFork = planned.name === "fork" && ["fork", "clone"].includes(call.name) && !call.text.includes("CLONE_NEW");
    if (isFork) return true;
    if (planned.name !== call.name) return false;
    const form = callForm(call, this.#descriptors, "trace");
    if (planned.text === "capset({effective=permitted})") return /^capset (.*) \/ \1 \/ /.test(form);
    return callForm(planned, this.#descriptors, "plan") === form;
  }

  #carriedOut(planned: CallText, call: CallText, step: ExplainedStep): "done" | "over" {
    if (call.error !== null) {
      if (step.ignored.includes(call.error) || step.ignored.includes("any error")) return "over";
      if (BEST_EFFORT.test(call.text)) return "done";
      throw new Error(`failed at step ${step.number}, and went on: ${call.text}`);
    }
    if (call.name === "execve") this.executed = true;
    if (call.text.startsWith("prctl(PR_SET_PDEATHSIG")) this.#armed = true;
    this.#bind(planned, call);
    this.#follow(planned, call, step);
    return "done";
  }

  /** The slots that the call filled, or emptied. */
  #bind(planned: CallText, call: CallText): void {
    const result = Number(call.result);
    if (planned.result?.startsWith("fd:") === true) this.#descriptors.fill(planned.result.slice("fd:".length), result);
    const filled = planned.name === "pipe2" ? [planned.args[0], call.args[0]].map((list) => members(list ?? "[]")) : [];
    if (planned.name === "recvmsg") filled.push(passed(planned.args[1] ?? ""), passed(call.args[1] ?? ""));
    const [slots = [], numbers = []] = filled;
    for (const [index, slot] of slots.entries()) this.#descriptors.fill(slot.slice("fd:".length), Number(numbers[index]));
    if (call.name === "close") this.#descriptors.close(Number(call.args[0]));
  }

  /** Into the process that a fork has made, where the plan goes on there. */
  #follow(planned: CallText, call: CallText, step: ExplainedStep): void {
    if (planned.name !== "clone3" && planned.name !== "fork") return;
    const made = this.#trace.get(Number(call.result));
    if (made === undefined) throw new Error(`no trace of the process that step ${step.number} made`);
    if (planned.name === "fork") {
      const rest = this.#calls.slice(this.#at).find(({ name }) => !HARMLESS.has(name) && !REAPER.has(name));
      if (rest !== undefined) this.asides.push(`unplanned, by the reaper: ${rest.text}`);
      this.#calls = made.calls;
      this.#at = 0;
    } else if (planned.result === null) {
      // REHOME: the old process does nothing more than to exit, which is the step's second call.
      this.#calls = [...this.#calls.slice(this.#at), ...made.calls];
      this.#at = 0;
    } else {
      this.child = new Walk(this.#trace, made, new Descriptors(this.#descriptors), made.pid);
    }
  }

  /** Keeps track of what is opened and closed. */
  #isHarmless(call: CallText, planned: CallText | null): boolean {
    if (["open", "openat", "openat2"].includes(call.name)) return this.#isLookup(call);
    if (call.name === "close" && call.error === null) {
      const descriptor = Number(call.args[0]);
      // EXEC closes all slots before the kernel looks for the program (CVE-2024-21626).
      if (this.#descriptors.holdsSlot(descriptor) && planned?.name !== "execve") return false;
      this.#descriptors.close(descriptor);
      return true;
    }
    return HARMLESS.has(call.name);
  }

  /** O_PATH, or for writing what is there (the write counts), or a process's own statistics. */
  #isLookup(call: CallText): boolean {
    const flags = call.name === "open" ? (call.args[1] ?? "") : (call.args[2] ?? "");
    if (/O_CREAT|O_TRUNC|O_RDWR/.test(flags)) return false;
    const place = placeOf(call, this.#descriptors) ?? "";
    if (!/O_PATH|O_WRONLY/.test(flags) && !/^\/proc\/\d+\/stat$/.test(place)) return false;
    if (call.error === null) this.#descriptors.opened(Number(call.result), place);
    return true;
  }

  /** Missing parents of what MKDIRP and TOUCH make. */
  #isOnTheWay(call: CallText, planned: CallText, place: string | null): boolean {
    const at = placeOf(call, this.#descriptors);
    if (at === null || place === null || !["mkdirat", "openat"].includes(planned.name)) return false;
    if (call.name === "fchownat") return this.#made.has(at);
    if (call.name !== "mkdirat" || !place.startsWith(`${at}/`)) return false;
    this.#made.add(at);
    return true;
  }

  #leave(step: ExplainedStep): void {
    this.idle.add(step.number);
    for (const [, name = ""] of step.call.matchAll(/= fd:([^\s;]+)/g)) this.#descriptors.fill(name, null);
  }
}

/** A lookup that spares the rest of the step: MKDIRP and TOUCH find their target; an error that the plan ignores. */
function endsStep(event: { planned: CallText; place: string; call: CallText; step: ExplainedStep; at: string | null }): boolean {
  const { planned, place, call, step, at } = event;
  const isMaking = planned.name === "mkdirat" || planned.name === "openat";
  if (isMaking) return call.error === null && at === place && call.text.includes("O_PATH");
  const parent = place.slice(0, place.lastIndexOf("/"));
  return (
    call.error !== null && (at === place || at === parent) && (step.ignored.includes(call.error) || step.ignored.includes("any error"))
  );
}
