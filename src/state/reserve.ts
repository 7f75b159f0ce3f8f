import { existsSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";

const sizeBytes = 512 * 1024;
/** What SQLite needs to open the state when nobody else has it open: its log, and 32 KiB for the index of that. */
const openingBytes = 64 * 1024;

/**
 * Space on the state's file system that is held for the day when it is full: what ends or removes a container has to be recorded then
 * more than ever, since it is what frees space. About a hundred such changes fit in; when space is there again, so is the reserve.
 */
export class Reserve {
  readonly #path: string;

  constructor(root: string) {
    this.#path = `${root}/reserve`;
  }

  /** Gives it up. False when somebody has done so before. */
  release(): boolean {
    const held = existsSync(this.#path);
    rmSync(this.#path, { force: true });
    return held;
  }

  /** Gives up as much as opening the state takes, for whoever only looks. False when there is nothing left. */
  releaseForOpening(): boolean {
    const held = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (held === 0) return false;
    truncateSync(this.#path, Math.max(held - openingBytes, 0));
    return true;
  }

  /** Takes all of it again, if that is not there and can be. Written, not only sized: a file with holes holds nothing. */
  hold(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.size === sizeBytes) return;
    try {
      writeFileSync(this.#path, Buffer.alloc(sizeBytes), { mode: 0o600 });
    } catch {
      // Still full: what little has been written must not keep others from writing.
      rmSync(this.#path, { force: true });
    }
  }
}
