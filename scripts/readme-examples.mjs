// The examples in README.md are real: runs each `$ …` line of its ```console blocks between the markers, in order, with a data root of its
// own, and compares the output with what stands there, leaving out what differs from run to run (ids, names, times, numbers).
//
//   node scripts/readme-examples.mjs            compares; exit code 1 and the differences when something differs
//   node scripts/readme-examples.mjs --write    puts the output of now into README.md
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { removeInstanceCgroups } from "./instance-cgroups.mjs";
import { unmountLayers } from "./layer-mounts.mjs";
import { repository } from "./pinned-bun.mjs";

const file = `${repository}/README.md`;
const readme = readFileSync(file, "utf8");
const [, before, examples, after] = /^(.*<!-- examples -->\n)(.*)(<!-- end of examples -->\n.*)$/s.exec(readme) ?? [];
if (examples === undefined) throw new Error("README.md has no examples between its markers");

mkdirSync("/var/lib/wherry-readme", { recursive: true });
const directory = mkdtempSync("/var/lib/wherry-readme/run-");
mkdirSync(`${directory}/bin`);
symlinkSync(`${repository}/dist/wherry`, `${directory}/bin/wherry`);
const environment = {
  ...process.env,
  PATH: `${directory}/bin:${process.env.PATH}`,
  WHERRY_ROOT: `${directory}/root`,
  WHERRY_RUN_ROOT: `${directory}/run`,
};
const shell = (command) => spawnSync("sh", ["-c", command], { env: environment, encoding: "utf8", timeout: 60_000 });

try {
  const differences = [];
  const renewed = examples.replace(/^```console\n([\s\S]*?)^```$/gm, (_block, body) => {
    const steps = [...body.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)];
    const lines = steps.map(([, command, expected]) => {
      const { stdout, stderr } = shell(command);
      const output = stdout + stderr;
      if (stable(output) !== stable(expected)) differences.push(`$ ${command}\nREADME.md says:\n${expected}now it is:\n${output}`);
      return `$ ${command}\n${output}`;
    });
    return `\`\`\`console\n${lines.join("")}\`\`\``;
  });
  if (process.argv.includes("--write")) {
    writeFileSync(file, before + renewed + after);
  } else if (differences.length > 0) {
    console.error(differences.join("\n"));
    process.exitCode = 1;
  }
} finally {
  shell('ids=$(wherry ps -aq); [ -z "$ids" ] || wherry rm -f $ids');
  removeInstanceCgroups([`${repository}/dist/wherry`, "--root", environment.WHERRY_ROOT, "--run-root", environment.WHERRY_RUN_ROOT]);
  unmountLayers(environment.WHERRY_RUN_ROOT);
  rmSync(directory, { recursive: true, force: true });
}

/** A text without what differs from run to run. */
function stable(text) {
  return text
    .replace(/\b[0-9a-f]{12,64}\b/g, "ID")
    .replace(/\d+/g, "N")
    .replace(/\b(About an?|N|Less than a) (second|minute)s?\b( ago)?/g, "SOME TIME")
    .replace(/[ \t]+/g, " ")
    .replace(/ $/gm, "");
}
