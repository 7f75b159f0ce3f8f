import { afterAll, beforeAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readNetDevice } from "../../src/kernel/net-device.ts";
import type { PlanInput } from "../../src/plan/plan-input.ts";
import { type OciChange, ociInput } from "../support/oci-input.ts";
import { PlanHost } from "../support/plan-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "launcher", "busybox", "overlayfs", "seccomp", "time-namespaces", "user-namespaces", "mqueue", "iproute2");

let host: PlanHost;

beforeAll(() => {
  host = new PlanHost("oci-net-devices");
});

afterAll(async () => {
  await host.close();
});

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

/** A pair of interfaces of the host's; the first of them has addresses and is down. */
function makeDevice(name: string): void {
  ip("link", "add", name, "type", "veth", "peer", "name", `${name}p`);
  ip("address", "add", "198.51.100.7/25", "dev", name);
  ip("address", "add", "2001:db8::7/64", "dev", name, "nodad");
}

function moving(script: string, netDevices: Readonly<Record<string, { readonly name?: string }>>, change: OciChange = {}): PlanInput {
  const found = Object.keys(netDevices).flatMap((name) => {
    const device = readNetDevice(name);
    return device === null ? [] : [[name, device] as const];
  });
  return ociInput(host, script, {
    ...change,
    linux: { ...change.linux, netDevices },
    input: { ...change.input, netDevices: Object.fromEntries(found) },
  });
}

const look = "busybox ip -o address | grep -v ' lo ' | tr -s ' ' | cut -d ' ' -f 2-4; busybox ip -o link | grep -c 'UP.*mtu'";

describe("network devices", () => {
  test("are moved into the container with their addresses, raised, under their own name or another", async () => {
    makeDevice("wyta0");
    const output = await host.runInput(moving(look, { wyta0: { name: "uplink" } }));
    expect(output).toContain("uplink inet 198.51.100.7/25\n");
    expect(output).toContain("uplink inet6 2001:db8::7/64\n");
    expect(output).toEndWith("2\nstatus 0\n");
    // The pair ends with the namespace.
    expect(existsSync("/sys/class/net/wyta0")).toBe(false);
    makeDevice("wytb0");
    expect(await host.runInput(moving(look, { wytb0: {} }))).toContain("wytb0 inet 198.51.100.7/25\n");
  });

  test("are moved into a container with a user namespace, too", async () => {
    makeDevice("wytc0");
    expect(await host.runInput(moving(look, { wytc0: { name: "eth0" } }, { sample: "userns" }))).toContain("eth0 inet 198.51.100.7/25\n");
  });

  test("that are not there, have no name or no namespace to go to are errors, and stay where they are", async () => {
    await expect(host.runInput(moving("true", { nosuch0: {} }))).rejects.toThrow("this host has no interface `nosuch0`");
    makeDevice("wytd0");
    await expect(host.runInput(moving("true", { wytd0: { name: "too-long-a-name-for-it" } }))).rejects.toThrow(
      "is no name for an interface",
    );
    await expect(host.runInput(moving("true", { wytd0: {} }, { sample: "host-namespaces" }))).rejects.toThrow("needs a network namespace");
    await expect(host.runInput(moving("true", { wytd0: { name: "lo" } }))).rejects.toThrow("`lo` is no name for an interface");
    expect(existsSync("/sys/class/net/wytd0")).toBe(true);
    ip("link", "delete", "wytd0");
  });
});
