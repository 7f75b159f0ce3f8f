// wherry export: the merged root file system as a tar, running or not, without what is mounted on it; docker and tar read it.
import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox");
const host = useWherryHost("export");

const listOf = (tar: Buffer) => spawnSync("tar", ["-tv", "--numeric-owner"], { input: tar, maxBuffer: 100e6 }).stdout.toString();

test("image and changes merged, volumes left out, mount points empty; the same running and stopped", async () => {
  const volume = `${host.directory}/volume`;
  mkdirSync(volume);
  writeFileSync(`${volume}/theirs`, "volume's");
  const flags = ["--network", "none", "-v", `${volume}:/v`, "--tmpfs", "/t", "--userns", "auto"];
  await host.ok(["run", "-d", "--name", "box", ...flags, "base", "sleep", "100000"]);
  await host.ok(["exec", "box", "sh", "-c", "echo new > /new; chown 5:6 /new; ln /new /hard; rm /etc/group; echo t > /t/x; mkfifo /p"]);
  const running = listOf((await host.wherry(["export", "box"])).stdoutBytes);
  expect(running).toMatch(/5\/6 +4 .* hard\n/);
  expect(running).toMatch(/^h.* new link to hard$/m);
  expect(running).toMatch(/0\/0 .* bin\/busybox\n/);
  expect(running).toMatch(/^p.* p$/m);
  for (const absent of [/theirs/, /etc\/group/, / t\/x/, / proc\/./, / sys\/./, / dev\/null/]) expect(running).not.toMatch(absent);
  for (const place of ["v", "t", "proc", "sys"]) expect(running).toMatch(new RegExp(`^d.* ${place}/$`, "m"));
  await host.ok(["kill", "box"]);
  await poll("it has ended", async () => (await host.ok(["inspect", "-f", "{{.State.Status}}", "box"])) === "exited");
  await host.ok(["export", "-o", `${host.directory}/box.tar`, "box"]);
  expect(listOf(readFileSync(`${host.directory}/box.tar`))).toBe(running);
  await host.ok(["import", `${host.directory}/box.tar`, "again"]);
  expect(await host.ok(["run", "--rm", "again", "sh", "-c", "cat /new; stat -c %u:%g /hard; ls /v /t"])).toBe("new\n5:6\n/t:\n\n/v:");
  await host.ok(["rmi", "again"]);
}, 60_000);

test("refused on a terminal; a file that can't be written is told, and no half of it is left", async () => {
  await host.ok(["create", "--name", "other", "base"]);
  await using terminal = host.terminal(["export", "other"]);
  await terminal.sees(/cowardly refusing to save to a terminal\. Use the -o flag or redirect/);
  expect(await terminal.exited).toBe(1);
  expect((await host.wherry(["export", "-o", "/nowhere/x.tar", "other"])).stderr).toMatch(/^wherry: failed to export container: .*ENOENT/);
  expect((await host.wherry(["export", "-o", "/dev/full", "other"])).stderr).toMatch(/^wherry: .*(no space|ENOSPC)/i);
  expect((await host.wherry(["export", "none"])).stderr).toBe("wherry: No such container: none\n");
  expect(readdirSync(host.directory).filter((name) => name.includes("partial"))).toEqual([]);
});
