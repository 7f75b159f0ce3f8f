// The Bun that package.json pins. npm may be told not to run install scripts; then Bun's own step, which only puts the downloaded
// program in its place, is done here.
import { closeSync, copyFileSync, existsSync, linkSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

const isElf = (path) => {
  if (!existsSync(path)) return false;
  const magic = Buffer.alloc(4);
  const descriptor = openSync(path, "r");
  readSync(descriptor, magic, 0, 4, 0);
  closeSync(descriptor);
  return magic.toString("latin1") === "\x7fELF";
};

/** The path of a runnable Bun. @throws when npm has not installed it. */
export function pinnedBun() {
  const bin = `${repository}/node_modules/bun/bin`;
  const program = `${bin}/bun.exe`; // the name that the package uses on every system
  if (isElf(program)) return program;
  const downloaded = `${repository}/node_modules/@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : "x64"}/bin/bun`;
  if (!isElf(downloaded)) throw new Error("the pinned Bun is not installed: run npm ci");
  for (const target of [program, `${bin}/bunx.exe`]) {
    const temporary = `${target}.${process.pid}`;
    rmSync(temporary, { force: true });
    try {
      linkSync(downloaded, temporary);
    } catch {
      copyFileSync(downloaded, temporary);
    }
    renameSync(temporary, target);
  }
  return program;
}
