import { describe, expect, test } from "bun:test";
import type { HostPath } from "../core/brands.ts";
import { compilePlan } from "./compile.ts";
import type { OciProcess } from "./oci-config.ts";
import type { PlanInput } from "./plan-input.ts";
import { SAMPLE_FEATURES, type SampleHost, samplePlanInputs } from "./testdata/plan-inputs.ts";

const host: SampleHost = {
  lowers: ["/layer"],
  directory: "/container",
  bundle: "/bundle/rootfs",
  cgroups: null,
  features: SAMPLE_FEATURES,
  target: { pid: 1, startTime: 1n },
  command: ["sh"],
  idBase: 100_000,
};

/** The bundle sample as `create` compiles it. */
function created(process: Partial<OciProcess>): PlanInput {
  const sample = samplePlanInputs(host)["bundle"];
  if (sample?.config.process === undefined) throw new Error("no sample");
  return {
    ...sample,
    config: { ...sample.config, process: { ...sample.config.process, ...process } },
    monitor: null,
    inheritStdio: true,
    startWait: { start: "/run/c/start" as HostPath, reply: "/run/c/reply" as HostPath },
  };
}

const namesOf = (input: PlanInput) => compilePlan(input).operations.map(({ name }) => name);
const after = (names: readonly string[], name: string) => names.slice(names.indexOf(name) + 1);

describe("a plan that waits for its start", () => {
  test("is through with capabilities first, and with the filter only afterwards under no_new_privs", () => {
    const names = namesOf(created({ noNewPrivileges: true }));
    expect(names.indexOf("CAPSET")).toBeLessThan(names.indexOf("STARTWAIT"));
    expect(after(names, "STARTWAIT")).toEqual(["SECCOMP", "EXEC", "DETACH"]);
  });

  test("loads the filter before without no_new_privs: it takes a capability that nobody may hold while he waits", () => {
    const names = namesOf(created({ noNewPrivileges: false }));
    expect(names.indexOf("SECCOMP")).toBeLessThan(names.indexOf("CAPSET"));
    expect(after(names, "STARTWAIT")).toEqual(["EXEC", "DETACH"]);
  });

  test("does not die with the launcher, which leaves", () => {
    expect(namesOf(created({}))).not.toContain("PDEATHSIG");
  });

  test("looks for the candidates of the exec", () => {
    const { operations } = compilePlan(created({ args: ["true"], env: ["PATH=/a:/b"] }));
    const wait = operations.find(({ name }) => name === "STARTWAIT");
    expect(wait?.args[2]).toEqual(["/a/true", "/b/true"]);
  });
});
