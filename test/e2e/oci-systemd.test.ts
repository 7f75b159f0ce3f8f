// `wherry oci --systemd-cgroup`: the container's control group is a scope of systemd's.
import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { useOciHost } from "../support/oci-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary", "payload", "systemd", "cgroup-v2");
const host = useOciHost("oci-systemd");
const show = (unit: string, property: string) =>
  spawnSync("systemctl", ["show", "--value", `--property=${property}`, unit], { encoding: "utf8" }).stdout.trim();

test("a scope with the container's limits, gone with the container", async () => {
  const unit = "test-oci.scope";
  const bundle = host.bundle(["/payload", "sleep"], (config) => {
    config.linux.cgroupsPath = "wherry-test.slice:test:oci";
    config.linux.resources = { ...config.linux.resources, memory: { limit: 64 * 1024 * 1024 }, pids: { limit: 40 } };
  });
  await host.left(["--systemd-cgroup", "create", "-b", bundle, "scoped"]);
  const { pid } = await host.state("scoped");
  await host.ok(["start", "scoped"]);
  expect(readFileSync(`/proc/${String(pid)}/cgroup`, "utf8")).toContain("0::/wherry.slice/wherry-test.slice/test-oci.scope");
  expect(show(unit, "ActiveState")).toBe("active");
  expect(show(unit, "MemoryMax")).toBe(String(64 * 1024 * 1024));
  expect(readFileSync("/sys/fs/cgroup/wherry.slice/wherry-test.slice/test-oci.scope/pids.max", "utf8").trim()).toBe("40");
  expect((await host.oci(["exec", "scoped", "/payload", "exit", "3"])).code).toBe(3);
  await host.ok(["update", "--memory", "80m", "--pids-limit", "50", "scoped"]);
  expect(show(unit, "MemoryMax")).toBe(String(80 * 1024 * 1024));
  spawnSync("systemctl", ["daemon-reload"]);
  expect(readFileSync("/sys/fs/cgroup/wherry.slice/wherry-test.slice/test-oci.scope/memory.max", "utf8").trim()).toBe(
    String(80 * 1024 * 1024),
  );
  await host.ok(["delete", "--force", "scoped"]);
  await poll("the scope is gone", () => show(unit, "ActiveState") !== "active");
  expect(existsSync("/sys/fs/cgroup/wherry.slice/wherry-test.slice/test-oci.scope")).toBe(false);
  // Its name can be used again at once.
  await host.left(["--systemd-cgroup", "run", "--detach", "-b", bundle, "again"]);
  await host.ok(["delete", "--force", "again"]);
}, 120_000);

test("a path that is not slice:prefix:name is refused", async () => {
  expect(await host.oci(["--systemd-cgroup", "create", "-b", host.bundle(["/payload"]), "wrong"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("slice:prefix:name"),
  });
});
