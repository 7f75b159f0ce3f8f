// Preloaded into the engine run from its sources: writes each module of src/ that is loaded, with its size and the runtime's modules that it
// imports, to $WHERRY_LOADED_MODULES.
import { appendFileSync, readFileSync } from "node:fs";

const report = process.env["WHERRY_LOADED_MODULES"];
if (report === undefined) throw new Error("WHERRY_LOADED_MODULES names no file");

Bun.plugin({
  name: "record loaded modules",
  setup(build) {
    build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8");
      const builtins = [...contents.matchAll(/^import (?!type )[^;]*? from "(node:[^"]+)";$/gm)].map(([, name]) => name);
      appendFileSync(report, `${JSON.stringify({ path: path.slice(path.lastIndexOf("/src/") + 1), bytes: contents.length, builtins })}\n`);
      return { contents, loader: "ts" };
    });
  },
});
