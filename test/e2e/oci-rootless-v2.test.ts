// `wherry oci` for somebody who is not root but has been given a control group.
import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useRootlessHost } from "../support/rootless-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload", "user-namespaces", "cgroup-v2");
const { user, host, bundle } = useRootlessHost("rootless-v2");

test("in a control group that was given to the user, limits and pauses work", async () => {
  const group = `/sys/fs/cgroup/wherry-rootless-${process.pid}`;
  const write = (file: string, text: string) => writeFileSync(file, text);
  write("/sys/fs/cgroup/cgroup.subtree_control", "+pids");
  mkdirSync(`${group}/caller`, { recursive: true });
  for (const name of ["", "/cgroup.procs", "/cgroup.subtree_control", "/caller", "/caller/cgroup.procs"])
    chownSync(`${group}${name}`, user.uid, user.uid);
  write(`${group}/cgroup.subtree_control`, "+pids");
  const made = await bundle(["/payload", "sleep"], ({ linux }) => {
    linux.cgroupsPath = `${group.slice("/sys/fs/cgroup".length)}/box`;
    linux.resources = { pids: { limit: 20 } };
  });
  // A process moves others only within what it may write to, and is in there itself.
  const commandLine = (...args: readonly string[]) => [
    "-c",
    `echo $$ > ${group}/caller/cgroup.procs; exec "$@"`,
    "sh",
    user.runtime,
    "--root",
    host.root,
    ...args,
  ];
  const inside = (...args: readonly string[]) => new RunningProgram("sh", commandLine(...args)).done;
  const output = openSync(`${host.directory}/grouped`, "w");
  const { status } = spawnSync("sh", commandLine("run", "-d", "-b", made, "grouped"), { stdio: ["ignore", output, output] });
  expect({ status, said: readFileSync(`${host.directory}/grouped`, "utf8").replace("ready\n", "") }).toEqual({ status: 0, said: "" });
  expect(readFileSync(`${group}/box/pids.max`, "utf8")).toBe("20\n");
  expect((await inside("exec", "grouped", "/payload", "exit", "4")).code).toBe(4);
  expect((await inside("pause", "grouped")).stderr).toBe("");
  expect(await host.state("grouped")).toMatchObject({ status: "paused" });
  expect((await inside("update", "--pids-limit", "30", "grouped")).stderr).toBe("");
  expect(readFileSync(`${group}/box/pids.max`, "utf8")).toBe("30\n");
  expect((await inside("delete", "--force", "grouped")).stderr).toBe("");
  expect(existsSync(`${group}/box`)).toBe(false);
  for (const name of ["/caller", ""]) rmdirSync(`${group}${name}`);
});
