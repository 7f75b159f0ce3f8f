import { afterAll, expect } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { repository } from "../support/host-features.ts";
import { requires } from "../support/requires.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary");
const prefix = mkdtempSync(`${tmpdir()}/wherry-install-`);
const library = `${prefix}/lib/wherry`;
afterAll(() => rmSync(prefix, { recursive: true, force: true }));

const script = async (name: string) => new RunningProgram("node", [`${repository}/scripts/${name}.mjs`, "--prefix", prefix]).done;

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
