import { describe, expect, test } from "bun:test";
import { layerMountsPlan } from "./erofs-mounts.ts";
import { explainPlan } from "./explain.ts";

const layer = { files: "/data/layer", at: "/run/layers/1" };
const calls = (plan: ReturnType<typeof layerMountsPlan>): readonly string[] => plan.operations.map(({ name }) => name);

describe("layerMountsPlan()", () => {
  test("mounts the two files", () => {
    const plan = layerMountsPlan({ layers: [layer], from: "direct-files" });
    expect(calls(plan)).toEqual(["FS", "MOVE", "CLOSE"]);
    expect(plan.operations[0]?.args[1]).toEqual(["source=/data/layer/index", "device=/data/layer/tar", "ro", "directio"]);
    expect(layerMountsPlan({ layers: [layer], from: "files" }).operations[0]?.args[1]).not.toContain("directio");
  });

  test("names the files from their directory when fsconfig(2) does not take as much", () => {
    const files = `/${"long/".repeat(60)}layer`;
    const plan = layerMountsPlan({ layers: [{ ...layer, files }], from: "files" });
    expect(calls(plan)).toEqual(["CHDIR", "FS", "MOVE", "CLOSE"]);
    expect(plan.operations[1]?.args[1]).toEqual(["source=index", "device=tar", "ro"]);
  });

  test("has both loop devices open until the mount is attached", () => {
    const plan = layerMountsPlan({ layers: [layer], from: "loop-devices" });
    expect(calls(plan)).toEqual(["LOOP", "LOOP", "FS", "MOVE", "CLOSE"]);
    const devices = plan.operations.flatMap((operation) => (operation.name === "LOOP" ? [operation.args[1]] : []));
    expect(devices).toHaveLength(2);
    for (const operation of plan.operations) {
      if (operation.name === "FS") expect(operation.args).toMatchObject({ 1: ["ro"], 2: ["source=", "device="], 3: devices });
      if (operation.name === "CLOSE") expect(operation.args[0].slice(1)).toEqual(devices);
    }
  });

  test("explains what happens with the devices", () => {
    const { steps } = explainPlan(layerMountsPlan({ layers: [layer], from: "loop-devices" }));
    const text = steps.flatMap((step) => step.calls).join("\n");
    expect(text).toContain("LOOP_CTL_GET_FREE");
    expect(text).toContain('fsconfig(FSCONFIG_SET_STRING, "device", "<path of fd:loop-tar>")');
  });
});
