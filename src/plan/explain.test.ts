import { expect, test } from "bun:test";
import { explainPlan } from "./explain.ts";
import { CLONE, MOUNT_ATTR, O } from "./kernel-flags.ts";
import { PlanBuilder } from "./plan-builder.ts";

test("explainPlan() prints calls as strace does, slots by name and values of run time in brackets", () => {
  const plan = new PlanBuilder();
  const cgroup = plan.slot("cgroup");
  const proc = plan.slot("proc");
  plan.host("OPEN", [null, "/sys/fs/cgroup/x", O.O_PATH | O.O_CLOEXEC, 0, 0, cgroup], { why: "the cgroup" });
  plan.host("CLONE", [CLONE.CLONE_NEWNS | CLONE.CLONE_NEWPID, cgroup, null], { why: "the process" });
  plan.child("FS", ["proc", ["hidepid=2", "ro"], [], [], MOUNT_ATTR.MOUNT_ATTR_NOSUID, proc], { why: "procfs", ignore: ["EBUSY"] });
  const { steps } = explainPlan(plan.build());
  expect(steps.map(({ calls }) => calls)).toEqual([
    ['openat2(AT_FDCWD, "/sys/fs/cgroup/x", {flags=O_PATH|O_CLOEXEC}) = fd:cgroup'],
    ["clone3({flags=CLONE_NEWNS|CLONE_NEWPID|CLONE_PIDFD|CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=fd:cgroup}) = <pid>"],
    [
      'fsopen("proc", FSOPEN_CLOEXEC)',
      'fsconfig(FSCONFIG_SET_STRING, "hidepid", "2")',
      'fsconfig(FSCONFIG_SET_FLAG, "ro")',
      "fsconfig(FSCONFIG_CMD_CREATE)",
      "fsmount(FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID) = fd:proc",
    ],
  ]);
  expect(steps[2]).toMatchObject({ number: 3, section: "child", man: "fsopen(2)", ignored: ["EBUSY"], why: "procfs" });
});

test("explainPlan() shows bits that have no name, and cuts long strings", () => {
  const plan = new PlanBuilder();
  plan.child("UNSHARE", [CLONE.CLONE_NEWNS | 0x40], { why: "" });
  plan.child("WRITE", [null, "/f", new TextEncoder().encode("x".repeat(500))], { why: "" });
  const [unshare, write] = explainPlan(plan.build()).steps;
  expect(unshare?.call).toBe("unshare(CLONE_NEWNS|0x40)");
  expect(write?.call).toMatch(/^write\(<\/f>, "x{160}"\.\.\.\)$/);
});
