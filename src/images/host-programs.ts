import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";

/** A file of the host that goes into the base image. */
export interface HostFile {
  /** Where it is put. */
  readonly path: string;
  readonly source: string;
}

const searchPath = ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"];

const coreTools = (
  "sh awk base64 basename cat chgrp chmod chown cp cut date dd df dirname du echo env expr false find free grep gzip head hostname id ip kill " +
  "ln ls md5sum mkdir mkfifo mknod mktemp mount mv nproc od ping printf ps pwd readlink rm rmdir sed seq sha256sum sleep sort stat stty su sync " +
  "tail tar tee test timeout top touch tr true tty umount uname uniq uptime vi wc which whoami xargs yes ["
).split(" ");

/** The host's busybox, if it is there and needs no libraries. */
export function findStaticBusybox(): string | undefined {
  for (const directory of searchPath) {
    for (const name of ["busybox", "busybox.static", "busybox-static"]) {
      const path = `${directory}/${name}`;
      if (existsSync(path) && isStatic(readFileSync(path))) return path;
    }
  }
  return undefined;
}

/** Names of the programs that a busybox is. */
export function listApplets(busybox: string): string[] {
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n");
  return applets.filter((name) => /^[a-zA-Z0-9_.+[-]+$/.test(name) && name !== "busybox").sort();
}

/** A shell and the core tools that the host has, each in `/bin`, with the libraries they are linked to where they expect them. */
export function findCoreTools(): HostFile[] {
  const files = new Map<string, string>();
  for (const name of coreTools) {
    const source = searchPath.map((directory) => `${directory}/${name}`).find((path) => existsSync(path));
    if (source === undefined) continue;
    files.set(`/bin/${name}`, realpathSync(source));
    for (const library of librariesOf(realpathSync(source))) files.set(library, realpathSync(library));
  }
  return [...files].map(([path, source]) => ({ path, source })).filter(({ source }) => statSync(source).isFile());
}

/** Absolute paths of the loader and the libraries, as the dynamic linker finds them on this host. */
function librariesOf(program: string): string[] {
  let listed: string;
  try {
    listed = execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    // a script, or linked statically
    return [];
  }
  // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)" or "/lib64/ld-linux-x86-64.so.2 (0x…)"
  return [...listed.matchAll(/(?:^|=>)\s+(\/\S+) \(0x/gm)].map((match) => match[1] ?? "");
}

/** Whether an ELF program has no PT_INTERP header, that is, needs no dynamic linker. @see elf(5) */
export function isStatic(elf: Buffer): boolean {
  if (elf.length < 64 || elf.toString("latin1", 0, 4) !== "\x7fELF" || elf[4] !== 2 || elf[5] !== 1) return false;
  const offset = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  const count = elf.readUInt16LE(56);
  for (let at = offset; at < offset + size * count && at + 4 <= elf.length; at += size) {
    if (elf.readUInt32LE(at) === 3) return false;
  }
  return true;
}
