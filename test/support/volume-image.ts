import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { run } from "./image-root.ts";

/** Nanoseconds that an ordinary time has not. */
export const oddTime = "2001-02-03 04:05:06.123456789";

/**
 * Writes a tar of a root file system with busybox and a directory `/data` that has one of everything: files, a hard link, symlinks, a FIFO, a
 * device, a set-id directory and program, extended attributes, a file capability where the host has setcap, odd times; `/link` leads to it.
 */
export function makeVolumeArchive(directory: string): string {
  const root = `${directory}/volume-image`;
  rmSync(root, { recursive: true, force: true });
  for (const name of ["bin", "etc", "tmp", "data/sub", "data/empty"]) mkdirSync(`${root}/${name}`, { recursive: true });
  run("cp", existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", `${root}/bin/busybox`);
  for (const name of ["sh", "ls", "cat", "touch", "true"]) symlinkSync("busybox", `${root}/bin/${name}`);
  writeFileSync(`${root}/etc/passwd`, "root:x:0:0:root:/:/bin/sh\n");
  writeFileSync(`${root}/data/file`, "content\n");
  linkSync(`${root}/data/file`, `${root}/data/hard`);
  symlinkSync("/etc/passwd", `${root}/data/absolute`);
  symlinkSync("../../../../../../../../etc/passwd", `${root}/data/up`);
  symlinkSync("data", `${root}/link`);
  writeFileSync(`${root}/data/sub/inner`, "inner\n");
  run("mkfifo", `${root}/data/fifo`);
  run("mknod", `${root}/data/null`, "c", "1", "3");
  chownSync(`${root}/data/sub`, 33, 44);
  chownSync(`${root}/data/sub/inner`, 33, 44);
  chmodSync(`${root}/data/sub`, 0o2750);
  chmodSync(`${root}/data/file`, 0o4755);
  spawnSync("setfattr", ["-n", "user.kept", "-v", "yes", `${root}/data/file`]);
  spawnSync("setcap", ["cap_net_raw+ep", `${root}/data/sub/inner`]);
  chownSync(`${root}/data`, 7, 8);
  chmodSync(`${root}/data`, 0o1777);
  run("find", `${root}/data`, "-depth", "-exec", "touch", "-h", "-d", oddTime, "{}", "+");
  const archive = `${directory}/volume-image.tar`;
  run("tar", "--xattrs", "--xattrs-include=*", "--format=posix", "--numeric-owner", "-C", root, "-cf", archive, ".");
  return archive;
}

/** All of a tree that matters, a line for each entry, to be compared. `times` of directories are left out where asked. */
export function describeTree(directory: string, options: { readonly directoryTimes: boolean }): string {
  const format = "%P %y %m %U:%G %n %s %T@ %l\\n";
  const find = spawnSync(
    "find",
    [".", "(", "-type", "d", "-printf", options.directoryTimes ? format : format.replace("%T@ ", ""), ")", "-o", "-printf", format],
    {
      cwd: directory,
      encoding: "utf8",
    },
  );
  const attributes = spawnSync("getfattr", ["-R", "-h", "-m", "-", "-d", "."], { cwd: directory, encoding: "utf8" });
  return [...find.stdout.split("\n").sort(), attributes.stdout].join("\n");
}
