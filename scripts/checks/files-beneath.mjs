import { readdirSync } from "node:fs";

const skipped = new Set(["node_modules", "dist", "build", ".git"]);

/** Every file beneath `root/directory`, relative to `root`, sorted; built and installed folders left out. `src/build` is a folder of ours. */
export function filesBeneath(root, directory) {
  return readdirSync(`${root}/${directory}`, { withFileTypes: true })
    .flatMap((entry) => {
      const path = directory === "." ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) return skipped.has(entry.name) && path !== "src/build" ? [] : filesBeneath(root, path);
      return [path];
    })
    .sort();
}
