import { expect, test } from "bun:test";
import { errnoNumber } from "../core/errno.ts";
import { describeFailure } from "./describe-failure.ts";
import { PlanBuilder } from "./plan-builder.ts";

function samplePlan() {
  const plan = new PlanBuilder();
  const slot = plan.slot("proc");
  plan.host("CLONE", [0, null, null], { why: "the process" });
  plan.child("FS", ["proc", [], [], [], 0, slot], { why: "procfs", doing: "mount proc on `/proc`" });
  plan.child("CHDIR", [null, "/work"], { why: "the working directory" });
  plan.child("EXEC", [["/bin/sh", "/usr/bin/sh"], ["sh"], []], { why: "the program", doing: "execute `sh`" });
  return plan.build();
}

test("describeFailure() says what was being done, why it failed and at which step", () => {
  const error = describeFailure(samplePlan(), { index: 1, errno: errnoNumber("EPERM"), detail: "" });
  expect(error.message).toBe("mount proc on `/proc`: operation not permitted (step 2 of 4)");
  expect(error.code).toBe("LAUNCH_FAILED");
});

test("describeFailure() adds the kernel's own sentence", () => {
  const error = describeFailure(samplePlan(), { index: 1, errno: errnoNumber("EINVAL"), detail: "proc: Unknown parameter 'x'" });
  expect(error.message).toBe("mount proc on `/proc`: invalid argument: proc: Unknown parameter 'x' (step 2 of 4)");
});

test("describeFailure() finds words for an operation that brings none", () => {
  expect(describeFailure(samplePlan(), { index: 2, errno: errnoNumber("ENOENT"), detail: "" }).message).toBe(
    "enter the directory `/work`: no such file or directory (step 3 of 4)",
  );
  expect(describeFailure(samplePlan(), { index: 2, errno: 9999, detail: "" }).message).toContain("error 9999");
});

test("describeFailure() tells a missing command from one that can't be executed", () => {
  const missing = describeFailure(samplePlan(), { index: 3, errno: errnoNumber("ENOENT"), detail: "/usr/bin/sh" });
  expect([missing.code, missing.message]).toEqual(["COMMAND_NOT_FOUND", 'exec: "sh": executable file not found in $PATH']);
  const denied = describeFailure(samplePlan(), { index: 3, errno: errnoNumber("EACCES"), detail: "/bin/sh" });
  expect([denied.code, denied.message]).toEqual(["COMMAND_NOT_EXECUTABLE", 'exec: "/bin/sh": permission denied']);
  expect(describeFailure(samplePlan(), { index: 3, errno: errnoNumber("E2BIG"), detail: "/bin/sh" }).code).toBe("LAUNCH_FAILED");
});
