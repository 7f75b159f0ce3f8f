// podman of somebody who is not root, with Wherry as its runtime: it calls it as root of a user namespace.
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { chmodSync, copyFileSync, rmSync, symlinkSync } from "node:fs";
import { makeImageArchive } from "../support/engine-image.ts";
import { makeTestDirectory } from "../support/wherry-host.ts";
import { requires } from "../support/requires.ts";
import { RootlessUser } from "../support/rootless-user.ts";
import { RunningProgram, type RunResult } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload", "busybox", "user-namespaces", "uidmap", "podman");
const isThere = test === bunTest;
let user: RootlessUser | undefined;
let command: readonly string[] = [];

const podman = (...args: readonly string[]): Promise<RunResult> => {
  const [program = "", ...globals] = command;
  return new RunningProgram(program, [...globals, ...args]).done;
};

async function ok(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await podman(...args);
  if (code !== 0) throw new Error(`podman ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

beforeAll(async () => {
  if (!isThere) return;
  user = new RootlessUser("podman-user");
  const { directory } = user; // podman takes a run root of 50 characters at most
  symlinkSync(`${directory}/dist/wherry`, `${directory}/wherry-runc`);
  const images = makeTestDirectory("oci-podman-rootless-image");
  copyFileSync(makeImageArchive(images), `${directory}/image.tar`);
  rmSync(images, { recursive: true });
  chmodSync(`${directory}/image.tar`, 0o644);
  const roots = ["--root", `${directory}/home/root`, "--runroot", `${directory}/run/c`, "--tmpdir", `${directory}/run/tmp`];
  const others = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
  command = [...user.prefix, "podman", ...roots, ...others, "--runtime", `${directory}/wherry-runc`];
  await ok("import", `${directory}/image.tar`, "test:1");
}, 60_000);

afterAll(async () => {
  if (user === undefined) return;
  await podman("rm", "--force", "--all", "--time", "0");
  await podman("system", "migrate"); // ends its process that keeps the user namespace
  user.dispose();
}, 60_000);

const run = (...args: readonly string[]): Promise<string> => ok("run", "--rm", "--network", "none", ...args);

test("runs containers of root's and of others in there", async () => {
  expect(await run("test:1", "id", "-u")).toBe("0");
  expect(await run("--user", "5:6", "test:1", "id", "-u")).toBe("5");
  expect(await run("--userns", "keep-id", "test:1", "id", "-u")).toBe("12345");
  expect((await podman("run", "--rm", "--network", "none", "test:1", "sh", "-c", "exit 7")).code).toBe(7);
  expect(await run("--privileged", "test:1", "sh", "-c", "ls /dev | grep -x null")).toBe("null");
  expect(await run("--device", "/dev/zero:/dev/other", "test:1", "ls", "/dev/other")).toBe("/dev/other");
}, 60_000);

test("enters, lists and ends them", async () => {
  const id = await ok("run", "--detach", "--network", "none", "test:1", "/payload", "sleep");
  expect(await ok("exec", "--user", "3", id, "id", "-u")).toBe("3");
  expect(await ok("inspect", "--format", "{{.OCIRuntime}} {{.State.Status}}", id)).toMatch(/wherry-runc running$/);
  expect(await ok("top", id, "pid")).toMatch(/^PID\n1$/);
  await ok("kill", id);
  await ok("rm", "--force", id);
}, 60_000);
