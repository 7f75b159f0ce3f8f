// `wherry oci create` dies at each of its fault points: what is left is nothing that `delete --force` does not remove, processes included.
// timeout: 120 s
import { describe, expect } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { faultPoints } from "../../src/core/fault-point.ts";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { listCgroupPids } from "../../src/kernel/cgroup-group.ts";
import { repository } from "../support/host-features.ts";
import { useOciHost } from "../support/oci-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "fault-build", "payload");
const host = useOciHost("bundle-fault-points", `${repository}/dist-fault/wherry`);
const points = faultPoints.filter((point) => point.startsWith("bundle-"));

describe("create", () => {
  test.each(points)("dies at %s", async (point) => {
    const path = `${host.group}/${point}`;
    const bundle = host.bundle(["/payload", "sleep"], (config) => {
      config.linux.cgroupsPath = path;
    });
    // The process that it leaves keeps its streams.
    const create = spawn(host.runtime, ["--root", host.root, "create", "-b", bundle, "box"], {
      env: { ...process.env, WHERRY_FAULT_POINT: point },
      stdio: "ignore",
    });
    expect(await once(create, "exit")).toEqual([null, "SIGKILL"]);
    expect(existsSync(`${host.root}/box`)).toBe(true);
    // Nobody knows of a process that could be started.
    if (point !== "bundle-process-recorded") expect((await host.oci(["start", "box"])).code).toBe(1);
    await host.ok(["delete", "--force", "box"]);

    const layout = detectCgroupLayout();
    await poll("no process is left", () => listCgroupPids({ layout, path }).length === 0);
    expect(layout.hierarchies.filter(({ mountPoint }) => existsSync(`${mountPoint}${path}`))).toEqual([]);
    expect(existsSync(`${host.root}/box`)).toBe(false);
    await host.left(["create", "-b", bundle, "box"]);
    expect(await host.state("box")).toMatchObject({ status: "created" });
    await host.ok(["delete", "box"]);
  });
});
