// What no engine gets around: the same bytes through gunzip, SHA-256 and onto the disk, by programs in C.
import { rmSync } from "node:fs";
import { quietly } from "./image-contenders.mjs";

/** Milliseconds of each, warm. */
export function physicalWork(tar, directory) {
  const compressed = `${directory}/work.tar.gz`;
  const copy = `${directory}/work.tar`;
  quietly("sh", "-c", `gzip -5 -c '${tar}' >'${compressed}'`);
  const time = (command) => {
    const start = performance.now();
    quietly("sh", "-c", command);
    return performance.now() - start;
  };
  const work = {
    gunzip: time(`gzip -dc '${compressed}' >/dev/null`),
    "SHA-256 of the tar": time(`sha256sum '${tar}'`),
    "SHA-256 of the gzip": time(`sha256sum '${compressed}'`),
    "writing and syncing": time(`cp --reflink=never '${tar}' '${copy}' && sync -f '${copy}'`),
  };
  rmSync(compressed);
  rmSync(copy);
  return work;
}
