// The subset of the tests that runs on a second kernel: Debian's 6.1 with cgroup v2 only, in an emulator (../shared/tools/cgroup2-vm).
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { repository } from "../pinned-bun.mjs";
import { runProgram } from "./bun-tests.mjs";

const tool = `${repository}/../shared/tools/cgroup2-vm`;
const limitSeconds = 480;

export const guestAvailable = () => existsSync(tool);

/** The repository at a place that the guest sees: it has its own /tmp, /run and /var/lib/wherry. */
function placeForGuest() {
  if (!/^\/(tmp|run|var\/lib\/wherry)\//.test(repository)) return { directory: repository, remove: () => undefined };
  const directory = mkdtempSync("/var/tmp/wherry-guest-");
  const parts = ["package.json", "tsconfig.json", "src", "test", "scripts", "launcher", "dist", "node_modules"];
  spawnSync("cp", ["-a", "--reflink=auto", ...parts.map((part) => `${repository}/${part}`), directory]);
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Runs the named files in the guest, plain and then under systemd. Resolves with one result for each boot. */
export async function runInGuest(log) {
  const subset = JSON.parse(readFileSync(`${repository}/test/v2-subset.json`, "utf8"));
  const boots = [
    { kind: "guest", flags: ["-d", "4"], files: subset.plain },
    { kind: "guest-systemd", flags: ["-s", "-d", "4"], files: subset.systemd },
  ];
  const results = [];
  let left = limitSeconds;
  const place = placeForGuest();
  for (const { kind, flags, files } of boots.filter((boot) => boot.files.length > 0)) {
    const started = performance.now();
    let totals;
    // On the guest's ext4 disk: its tmpfs can't be id-mapped (Linux before 6.3).
    const environment = [`WHERRY_TEST_GUEST=${kind}`, "WHERRY_TEST_SLOWNESS=20", "WHERRY_TEST_DIRECTORY=/var/lib/wherry/test"];
    const command = ["env", ...environment, process.execPath, "scripts/test.mjs", "--in-guest", ...files];
    const { output } = await runProgram(tool, [...flags, "-t", String(Math.round(left)), "--", ...command], (left + 30) * 1000, {
      cwd: place.directory,
      onLine: (line) => {
        const result = /^@@totals (\{.*\})/.exec(line)?.[1];
        if (result !== undefined) totals = JSON.parse(result);
        else if (/^(ok|FAIL) /.test(line)) log(`  ${line}`);
      },
    });
    const seconds = (performance.now() - started) / 1000;
    left = Math.max(60, left - seconds);
    /** @type {{ passed: number, failed: number, skipped: number, differences: string[] }} */
    const counts = totals ?? { passed: 0, failed: 1, skipped: 0, differences: [] };
    results.push({ ...counts, name: `${kind}: ${files.length} files on Linux 6.1, cgroup v2 only`, seconds, output });
  }
  place.remove();
  return results;
}
