// A data root as a later boot of the host finds it.
import { describe, expect } from "bun:test";
import { rmSync } from "node:fs";
import type { ContainerHost } from "../../src/containers/container-host.ts";
import { LocalContainerService } from "../../src/engine/container-service.ts";
import type { ContainerRow } from "../../src/state/container-row.ts";
import { findContainer, moveContainer } from "../../src/state/container-table.ts";
import { useFaultHost, findProcesses } from "../support/fault-host.ts";
import { killParts } from "../support/kill-parts.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { unmountAllLayers } from "../support/test-layers.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useFaultHost("reboot", "dist");

const sleeper = ["--name", "box", "payload", "sleep"];
/** As it is stored; nothing is looked after. */
const row = (reference = "box"): ContainerRow => findContainer(host.host.store, reference);

describe("after a reboot", () => {
  /** The same data root as a later boot finds it: no process, no run root, no cgroups. */
  function rebooted(): { readonly later: ContainerHost; readonly containers: LocalContainerService } {
    const later = {
      ...host.host,
      bootId: "00000000-0000-4000-8000-000000000000",
      owner: host.host.owner.replace(/[^:]*$/, "00000000-0000-4000-8000-000000000000"),
    };
    return { later, containers: new LocalContainerService(later, () => Promise.reject(new Error("no base"))) };
  }

  test("what ran has ended, with an unknown status, and starts again", async () => {
    await host.ok(["run", "-d", ...sleeper]);
    await host.ok(["run", "-d", "--name", "still", "payload", "sleep"]);
    await host.ok(["pause", "still"]);
    await host.ok(["run", "-d", "--rm", "--name", "passing", "payload", "sleep"]);
    for (const found of [row(), row("still"), row("passing")]) await killParts(found, "monitor", "init");
    await poll(
      "all to be dead",
      () =>
        findProcesses("plan", host.root).length === 0 && ["box", "still"].every((name) => findProcesses("plan", row(name).id).length === 0),
    );
    unmountAllLayers(host.runRoot);
    rmSync(host.runRoot, { recursive: true });
    const { containers } = rebooted();
    const told = (await containers.list({ all: true })).map(({ name, status, exitCode }) => ({ name, status, exitCode }));
    expect(told.sort((a, b) => a.name.localeCompare(b.name))).toEqual([
      { name: "box", status: "exited", exitCode: 255 },
      { name: "still", status: "exited", exitCode: 255 },
    ]);
    expect(await containers.inspect("box")).toMatchObject({ error: "ended with an unknown status: the host was restarted" });
    await containers.start("box");
    expect(await containers.inspect("box")).toMatchObject({ status: "running" });
    await containers.remove("box", { force: true });
    await containers.remove("still");
  });

  test("what was being started, ended and removed is gone on with", async () => {
    for (const name of ["starting", "ending", "removing"]) await host.wherry(["run", "--name", name, "payload", "exit", "3"]);
    await host.ok(["create", "--name", "fresh", "payload", "exit"]);
    const { store, owner } = host.host;
    moveContainer(store, { id: row("starting").id, from: ["exited"], to: "starting", change: { owner } });
    moveContainer(store, { id: row("fresh").id, from: ["created"], to: "starting", change: { owner } });
    moveContainer(store, { id: row("removing").id, from: ["exited"], to: "removing", change: { owner } });
    store.prepare("UPDATE containers SET status = 'ending', owner = ? WHERE name = 'ending'").run(owner);
    unmountAllLayers(host.runRoot);
    rmSync(host.runRoot, { recursive: true });
    const { containers } = rebooted();
    const told = (await containers.list({ all: true })).map(({ name, status, exitCode }) => `${name} ${status} ${exitCode}`);
    expect(told.sort()).toEqual(["ending exited 3", "fresh created null", "starting exited 3"]);
  });
});
