import { readdirSync, readFileSync } from "node:fs";

/** A loop device that is set up. */
export interface LoopDevice {
  readonly name: string;
  /** What is behind it; of a file that is gone with ` (deleted)`. */
  readonly file: string;
  readonly readOnly: boolean;
  readonly autoclear: boolean;
}

/** Those over files beneath a directory. */
export function loopDevicesOf(directory: string): readonly LoopDevice[] {
  return readdirSync("/sys/block").flatMap((name) => {
    try {
      const read = (path: string): string => readFileSync(`/sys/block/${name}/${path}`, "utf8").trim();
      const file = read("loop/backing_file");
      return file.startsWith(`${directory}/`)
        ? [{ name, file, readOnly: read("ro") === "1", autoclear: read("loop/autoclear") === "1" }]
        : [];
    } catch {
      // No loop device, or it has just been freed.
      return [];
    }
  });
}
