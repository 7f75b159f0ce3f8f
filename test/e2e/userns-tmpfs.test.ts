// A user namespace with the data root on tmpfs: before Linux 6.3 tmpfs can't map ids, and the container gets copies of its image's layers.
import { afterAll, beforeAll, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, linkSync, lstatSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { WherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "user-namespaces", "busybox", "setfattr");
const host = new WherryHost("userns-tmpfs");
const tree = `${host.directory}/tree`;

/** May open raw sockets (CAP_NET_RAW) when executed: struct vfs_cap_data of revision 2, effective. */
const capability = "0x0100000200200000000000000000000000000000";

const runProgram = (program: string, ...args: readonly string[]): void => {
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr}`);
};

beforeAll(async () => {
  mkdirSync(host.root, { recursive: true });
  runProgram("mount", "-t", "tmpfs", "-o", "mode=711", "tmpfs", host.root);
  for (const name of ["bin", "etc", "full", "tmp", "proc", "sys", "dev"]) mkdirSync(`${tree}/${name}`, { recursive: true });
  copyFileSync(existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", `${tree}/bin/busybox`);
  for (const name of ["sh", "stat", "ls", "rm", "mkdir", "touch", "cat"]) linkSync(`${tree}/bin/busybox`, `${tree}/bin/${name}`);
  mkdirSync(`${tree}/raw`);
  copyFileSync(`${tree}/bin/busybox`, `${tree}/raw/grep`);
  runProgram("setfattr", "-n", "security.capability", "-v", capability, `${tree}/raw/grep`);
  for (const name of ["full/old", "gone", "setuid"]) writeFileSync(`${tree}/${name}`, "");
  chownSync(`${tree}/setuid`, 1000, 2000);
  chmodSync(`${tree}/setuid`, 0o6755);
  utimesSync(`${tree}/setuid`, 1_000_000, 1_000_000);
  const archive = `${host.directory}/tree.tar`;
  runProgram("tar", "--xattrs", "--xattrs-include=*", "-C", tree, "-cf", archive, ".");
  await host.ok(["import", archive, "first"]);
  await host.ok(["run", "--name", "maker", "first", "sh", "-c", "rm -r /full /gone; mkdir /full; touch /full/new"]);
  await host.ok(["commit", "maker", "second"]);
}, 60_000);

afterAll(async () => {
  const ids = (await host.ok(["ps", "-aq"])).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await host.ok(["rm", "-f", ...ids]);
  runProgram("umount", host.root);
  await host.dispose();
}, 60_000);

test("--userns auto on tmpfs: owners, modes, times, links and deletions are the image's", async () => {
  const script =
    "stat -c '%u:%g %a %Y' /setuid; stat -c '%u:%g %h' /bin/sh; ls -A / | grep -c gone; ls -A /full; cat /etc/new 2>&1; touch /etc/new";
  const expected = "1000:2000 6755 1000000\n0:0 8\n0\nnew\n";
  await host.ok(["run", "--name", "twice", "--userns", "auto", "second", "sh", "-c", script.replaceAll("grep", "/raw/grep")]);
  expect(await host.ok(["logs", "twice"])).toBe(`${expected}cat: can't open '/etc/new': No such file or directory`);
  // It keeps its files, whatever its layers are.
  expect(`${await host.ok(["start", "-a", "twice"])}\n`).toBe(expected);
});

test("--userns auto on tmpfs: a file's capabilities count", async () => {
  const options = ["--rm", "--userns", "auto", "-u", "1000:1000"];
  expect(await host.ok(["run", ...options, "second", "/raw/grep", "CapEff", "/proc/self/status"])).toBe("CapEff:\t0000000000002000");
});

test("--userns auto on tmpfs: what it writes is the host's nobody's, and commit gives it back to the image's owners", async () => {
  await host.ok(["run", "--name", "writer", "--userns", "auto", "second", "sh", "-c", "touch /written"]);
  const upper = await host.ok(["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "writer"]);
  expect(lstatSync(`${upper}/written`).uid).toBeGreaterThan(65_535);
  await host.ok(["commit", "writer", "third"]);
  expect(await host.ok(["run", "--rm", "third", "stat", "-c", "%u:%g", "/written", "/setuid"])).toBe("0:0\n1000:2000");
});
