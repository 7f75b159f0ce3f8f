import { afterAll, expect } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { repository } from "../support/host-features.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary");
const prefix = mkdtempSync(`${tmpdir()}/wherry-install-`);
const library = `${prefix}/lib/wherry`;
afterAll(() => {
  spawnSync("umount", ["-l", `${prefix}/root`], { stdio: "ignore" });
  rmSync(prefix, { recursive: true, force: true });
});

const script = async (name: string, options: { readonly more?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {}) =>
  new RunningProgram("node", [`${repository}/scripts/${name}.mjs`, "--prefix", prefix, ...(options.more ?? [])], { env: options.env ?? {} })
    .done;

test("install.mjs makes a program that runs, keeps a version that is in use at an upgrade, and uninstall.mjs removes all", async () => {
  expect((await script("install")).code).toBe(0);
  const link = `${prefix}/bin/wherry`;
  expect((await new RunningProgram(link, ["completion", "bash"]).done).code).toBe(0);
  expect((await new RunningProgram(`${link}-runc`, ["--version"]).done).stdout).toContain("spec: ");

  // An earlier version, from which a program runs.
  const current = readlinkSync(link).split("/").at(-2) ?? "";
  renameSync(`${library}/${current}`, `${library}/0.0.1`);
  rmSync(link);
  symlinkSync("../lib/wherry/0.0.1/wherry", link);
  const running = spawn("sh", ["-c", "sleep 60; true", `${library}/0.0.1/launcher`], { stdio: "ignore" });
  try {
    expect((await script("install")).stdout).toContain(`kept ${library}/0.0.1`);
    expect((await script("uninstall")).code).toBe(1);
  } finally {
    running.kill("SIGKILL");
  }
  expect((await script("install")).stdout).toContain(`removed ${library}/0.0.1`);
  expect(readdirSync(library)).toEqual([current]);
  expect((await script("uninstall")).code).toBe(0);
  expect(existsSync(library)).toBe(false);
  expect(readdirSync(`${prefix}/bin`)).toEqual([]);
});

test("uninstall.mjs --purge removes containers, images, mounts and control groups, but not while a container runs", async () => {
  const env = { WHERRY_ROOT: `${prefix}/root`, WHERRY_RUN_ROOT: `${prefix}/run` };
  const wherry = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await new RunningProgram(`${prefix}/bin/wherry`, args, { env }).done;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.trim();
  };
  expect((await script("install", { env })).code).toBe(0);
  mkdirSync(env.WHERRY_ROOT);
  expect(spawnSync("mount", ["-t", "tmpfs", "wherry-test", env.WHERRY_ROOT]).status).toBe(0);
  await wherry("run", "-d", "--name", "box", "base", "sleep", "1000");
  await wherry("create", "base");
  const instance = await wherry("info", "--format", "{{.ID}}");
  const groups = () =>
    readdirSync("/sys/fs/cgroup", { withFileTypes: true })
      .flatMap(({ name }) => [name, `${name}/system.slice`, "system.slice", ""])
      .flatMap((parent) => [`/sys/fs/cgroup/${parent}/${instance}`, `/sys/fs/cgroup/${parent}/${instance}-containers.service`])
      .filter((path) => existsSync(path));
  expect(groups()).not.toEqual([]);

  const refused = await script("uninstall", { more: ["--purge"], env });
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("containers are running; stop them first");
  await wherry("stop", "-t", "0", "box");
  expect((await script("uninstall", { more: ["--purge"], env })).code).toBe(0);
  for (const path of [library, env.WHERRY_RUN_ROOT]) expect(existsSync(path)).toBe(false);
  // Its disk is the administrator's.
  expect(readdirSync(env.WHERRY_ROOT)).toEqual([]);
  expect(spawnSync("umount", [env.WHERRY_ROOT]).status).toBe(0);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(prefix);
  await poll("its control groups to be gone", () => groups().length === 0);
});
