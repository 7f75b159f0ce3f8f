// Holds src/ to layer-rules.mjs. A failure names the file, the import and the rule.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { filesBeneath } from "./files-beneath.mjs";
import { allowedImports, compositionRoots, processStarters, pureFolders } from "./layer-rules.mjs";

/** Every breach in the sources of `root`, one sentence each. */
export function checkLayers(root) {
  if (!existsSync(`${root}/src`)) return [];
  return filesBeneath(root, "src")
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .flatMap((file) => importsOf(readFileSync(`${root}/${file}`, "utf8")).flatMap((found) => breaches(file, found)));
}

/** The imports of a source text: `{ line, specifier, typeOnly }`. */
export function importsOf(text) {
  const found = [];
  const code = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " ")).replace(/^\s*\/\/.*$/gm, "");
  const patterns = [
    /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?"([^"\n]+)"/gm,
    /()\b(?:import|require)\(\s*"([^"\n]+)"\s*\)/g,
  ];
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const line = code.slice(0, match.index).split("\n").length;
      // In a type position, `import("x").T`, the import is gone at run time too, but it is rare: treated as a real one.
      found.push({ line, specifier: match[2], typeOnly: match[1] !== undefined && match[1] !== "" });
    }
  }
  return found;
}

function breaches(file, { line, specifier, typeOnly }) {
  const folder = file.split("/")[1];
  const refuse = (rule) => [`${file}:${line}: imports "${specifier}": ${rule}`];
  if (specifier === "bun" || specifier.startsWith("bun:")) return refuse("src/ uses node: modules only, so that it can run in Node");
  if (specifier.startsWith("node:")) {
    const pure = pureFolders[folder];
    if (pure !== undefined && !pure.includes(specifier) && !typeOnly)
      return refuse(`${folder}/ is pure; of Node it may use ${pure.join(", ")}`);
    if (specifier === "node:child_process" && !processStarters.includes(folder)) {
      return refuse(`only ${processStarters.join(", ")} start programs`);
    }
    return [];
  }
  if (!specifier.startsWith(".")) return [];
  if (!specifier.endsWith(".ts") && !specifier.endsWith(".json")) return refuse("imports name the file with its ending .ts");
  const target = normalize(join(dirname(file), specifier));
  if (!target.startsWith("src/")) return refuse("src/ imports nothing outside src/");
  const other = target.split("/")[1];
  if (other === folder) return [];
  const allowed = allowedImports[folder];
  if (allowed === undefined) return refuse(`${folder}/ is not in layer-rules.mjs`);
  if (allowed.includes(other) || (typeOnly && allowed.includes(`type:${other}`)) || compositionRoots[file]?.includes(other)) return [];
  const words = allowed.map((name) => name.replace("type:", "types of ")).join(", ");
  return refuse(`${folder}/ may import ${words || "nothing of ours"}`);
}
