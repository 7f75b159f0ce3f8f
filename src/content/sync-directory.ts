import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes a rename or unlink in the directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
