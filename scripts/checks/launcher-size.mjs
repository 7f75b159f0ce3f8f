// The launcher stays small enough to be read whole: lines of C in launcher/ (not its tests) that hold more than a comment.
//
//   node scripts/checks/launcher-size.mjs      the count, file by file
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Why this many: docs/adr/0012-the-launchers-size.md */
const budget = 4950;

/** In text and quoted characters a comment's beginning is none. */
const commentOrText = /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** Lines that are left without comments and blank lines. */
export function countCode(source) {
  const bare = source.replace(commentOrText, (match) => (match.startsWith("/") ? match.replaceAll(/[^\n]/g, "") : match));
  return bare.split("\n").filter((line) => line.trim() !== "").length;
}

function countFiles(root) {
  const files = readdirSync(`${root}/launcher`).filter((name) => /\.[ch]$/.test(name));
  return files.map((file) => ({ file, lines: countCode(readFileSync(`${root}/launcher/${file}`, "utf8")) }));
}

const sum = (counts) => counts.reduce((total, { lines }) => total + lines, 0);

export function checkLauncherSize(root) {
  const total = sum(countFiles(root));
  return total <= budget ? [] : [`launcher: ${total} lines of code, and ${budget} is the most there may be`];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const counts = countFiles(fileURLToPath(new URL("../..", import.meta.url)));
  for (const { file, lines } of counts.toSorted((a, b) => b.lines - a.lines)) console.log(`${String(lines).padStart(5)} ${file}`);
  console.log(`${String(sum(counts)).padStart(5)} of ${budget}`);
}
