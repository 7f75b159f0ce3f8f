// Names of files: kebab-case, and none that says nothing. Lengths: a list of the longest, as a warning.
import { existsSync, readFileSync } from "node:fs";
import { filesBeneath } from "./files-beneath.mjs";

const meaningless = /(^|[-/])(utils?|helpers?|common|misc|managers?)([-./]|$)/;
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/;
const folders = ["src", "test", "scripts", "bench", "launcher"];
const longest = 400;

export function checkNames(root) {
  return sourceFiles(root).flatMap((file) => {
    const name = file.split("/").at(-1);
    const failures = [];
    if (meaningless.test(file)) failures.push(`${file}: the name says nothing; name the concept`);
    if (/\.(ts|mjs)$/.test(name) && !kebab.test(name)) failures.push(`${file}: file names are kebab-case`);
    return failures;
  });
}

/** Files of more than 400 lines, longest first: not an error, but a question. */
export function longFiles(root) {
  return sourceFiles(root)
    .filter((file) => /\.(ts|mjs|c|h)$/.test(file))
    .map((file) => ({ file, lines: readFileSync(`${root}/${file}`, "utf8").split("\n").length - 1 }))
    .filter(({ lines }) => lines > longest)
    .sort((a, b) => b.lines - a.lines);
}

const sourceFiles = (root) => folders.filter((folder) => existsSync(`${root}/${folder}`)).flatMap((folder) => filesBeneath(root, folder));
