import { afterAll, beforeAll, describe, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import type { HostPath } from "../../src/core/brands.ts";
import type { OciIntelRdt } from "../../src/plan/oci-config.ts";
import { resctrlDirectories } from "../../src/plan/oci/intel-rdt.ts";
import { ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

// A directory stands for resctrl, which takes processors that can do it: what is written where is seen, not what it does.
const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue");

let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("oci-intel-rdt");
});

afterAll(async () => {
  await host.close();
});

/** A directory with the files of the groups `names`, as the kernel would make them. */
function fakeResctrl(...names: readonly string[]): HostPath {
  const directory = mkdtempSync(`${host.directory}/resctrl-`);
  for (const name of names) {
    mkdirSync(`${directory}/${name}`, { recursive: true });
    for (const file of ["schemata", "tasks"]) writeFileSync(`${directory}/${name}/${file}`, "");
  }
  return directory as HostPath;
}

const run = (intelRdt: OciIntelRdt, resctrl: HostPath | null): Promise<string> =>
  host.runInput(ociInput(host, "echo ran", { linux: { intelRdt }, input: { resctrl } }));

describe("linux.intelRdt", () => {
  test("makes the process join a class of its own, with all its shares", async () => {
    const resctrl = fakeResctrl("oci", "oci/mon_groups/oci");
    const intelRdt = { schemata: ["L2:0=f", "MB:1=50"], l3CacheSchema: "L3:0=ff;1=f", memBwSchema: "MB:0=20;1=70", enableMonitoring: true };
    expect(await run(intelRdt, resctrl)).toBe("ran\nstatus 0\n");
    expect(readFileSync(`${resctrl}/oci/schemata`, "utf8")).toBe("L2:0=f\nMB:1=50\nL3:0=ff;1=f\nMB:0=20;1=70\n");
    const pid = readFileSync(`${resctrl}/oci/tasks`, "utf8");
    expect(Number(pid)).toBeGreaterThan(1);
    expect(readFileSync(`${resctrl}/oci/mon_groups/oci/tasks`, "utf8")).toBe(pid);
    const input = ociInput(host, "true", { linux: { intelRdt }, input: { resctrl } });
    expect(resctrlDirectories(input)).toEqual([`${resctrl}/oci/mon_groups/oci`, `${resctrl}/oci`]);
  });

  test("joins a class that is there by name, and only one that is there", async () => {
    const resctrl = fakeResctrl("shared");
    expect(await run({ closID: "shared" }, resctrl)).toBe("ran\nstatus 0\n");
    expect(readFileSync(`${resctrl}/shared/tasks`, "utf8")).not.toBe("");
    expect(readFileSync(`${resctrl}/shared/schemata`, "utf8")).toBe("");
    await expect(run({ closID: "other" }, resctrl)).rejects.toThrow(
      `enter the resctrl group \`${resctrl}/other\`: no such file or directory`,
    );
    await expect(run({ closID: "../x" }, resctrl)).rejects.toThrow("is no name of a directory");
  });

  test("says that resctrl is not mounted", async () => {
    await expect(run({ closID: "x" }, null)).rejects.toThrow("`linux.intelRdt`, on a host where resctrl is not mounted, is not supported");
  });
});
