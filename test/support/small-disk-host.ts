import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { poll } from "./poll.ts";
import { WherryHost } from "./wherry-host.ts";

/** Its data root is an ext4 file system of its own, which can be filled; its run root is not. */
export class SmallDiskHost extends WherryHost {
  readonly #filler = `${this.root}/filler`;

  constructor(topic: string, megabytes: number) {
    super(topic);
    mkdirSync(this.root, { recursive: true });
    const disk = `${this.directory}/disk`;
    const fd = openSync(disk, "w");
    ftruncateSync(fd, megabytes * 1024 * 1024);
    closeSync(fd);
    // SQLite maps its index of the log, and gives each of its pages one block: with smaller blocks the kernel sends SIGBUS when it is full.
    run("mkfs.ext4", "-q", "-m", "0", "-b", "4096", "-O", "^has_journal", disk);
    run("mount", "-o", "loop", disk, this.root);
    rmSync(`${this.root}/lost+found`, { recursive: true });
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.root);
    return bavail * bsize;
  }

  /** Leaves that many bytes, or what there is. */
  fill(leaveBytes: number): void {
    const chunk = Buffer.alloc(1024 * 1024);
    const fd = openSync(this.#filler, "a");
    try {
      for (let size = chunk.length; size >= 512; ) {
        const most = Math.min(size, this.freeBytes - leaveBytes);
        if (most <= 0) break;
        try {
          writeSync(fd, chunk, 0, most);
        } catch {
          size /= 2;
        }
      }
    } finally {
      closeSync(fd);
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  override async dispose(): Promise<void> {
    this.empty();
    for (const [list, remove] of [
      ["ps", "rm"],
      ["images", "rmi"],
    ] as const) {
      const ids = new Set((await this.ok([list, "-aq"])).split("\n").filter((id) => id !== ""));
      if (ids.size > 0) await this.ok([remove, "-f", ...ids]);
    }
    await poll("the root to be free", () => spawnSync("umount", [this.root]).status === 0);
    await super.dispose();
  }
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
