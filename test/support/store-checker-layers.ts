import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { type CheckedRoots, digestOfFile, type Fault, namesIn } from "./store-checker.ts";

export interface StoredLayerRow {
  readonly diffId: string;
  /** Undefined: there is no row of it. */
  readonly sizeBytes: number | undefined;
  /** An image or a container names it. */
  readonly used: boolean;
}

interface Mount {
  readonly at: string;
  /** Of an EROFS: its index. */
  readonly source: string;
  readonly type: string;
}

/** What does not fit together of the layers' rows, files and mounts. */
export function findLayerFaults(roots: CheckedRoots, rows: readonly StoredLayerRow[]): Fault[] {
  const mounts = layerMounts(roots.runRoot);
  const faults = [...findMountFaults(roots, mounts)];
  for (const { diffId, sizeBytes, used } of rows) {
    if (!used) faults.push(`layer ${diffId}: no image and no container names it`);
    if (sizeBytes === undefined) faults.push(`layer ${diffId}: used, and without a row`);
    else for (const problem of layerProblems(roots, { diffId, sizeBytes, mounts })) faults.push(`layer ${diffId}: ${problem}`);
  }
  const known = new Set(rows.map(({ diffId }) => diffId.slice(7)));
  for (const hex of namesIn(`${roots.root}/layers/sha256`))
    if (!known.has(hex)) faults.push(`layer sha256:${hex}: stored, and without a row`);
  return faults;
}

function layerProblems(
  { root }: CheckedRoots,
  { diffId, sizeBytes, mounts }: { readonly diffId: string; readonly sizeBytes: number; readonly mounts: readonly Mount[] },
): string[] {
  const hex = diffId.slice(7);
  const files = `${root}/layers/sha256/${hex}`;
  if (!existsSync(files)) return ["its files are missing"];
  const names = [...namesIn(files)].sort().join(" ");
  if (names !== "index size tar" && names !== "size tree") return [`it consists of: ${names}`];
  const problems: string[] = [];
  const recorded = readFileSync(`${files}/size`, "utf8");
  if (recorded !== String(sizeBytes)) problems.push(`its size is \`${recorded}\`, its row says ${sizeBytes}`);
  const mount = mounts.find(({ at }) => at.endsWith(`/${hex}`));
  if (names.startsWith("index")) {
    if (!isErofs(`${files}/index`)) problems.push("its index is no EROFS");
    const found = digestOfFile(`${files}/tar`);
    if (found !== diffId) problems.push(`its archive is ${found}`);
    if (mount === undefined) return problems;
  }
  const tree = names.startsWith("index") ? mount?.at : `${files}/tree`;
  const bytes = tree === undefined ? 0 : contentBytes(tree);
  if (bytes !== sizeBytes) problems.push(`${bytes} bytes of files, its row says ${sizeBytes}`);
  return problems;
}

function findMountFaults({ root, runRoot }: CheckedRoots, mounts: readonly Mount[]): Fault[] {
  const faults: Fault[] = [];
  const base = `${runRoot}/layers`;
  const times = Map.groupBy(mounts, ({ at }) => at);
  for (const [at, same] of times) if (same.length > 1) faults.push(`mounted ${same.length} times: ${at}`);
  for (const { at, source, type } of mounts) {
    if (at === base) continue;
    const hex = at.slice(at.lastIndexOf("/") + 1);
    if (type !== "erofs" || source !== `${root}/layers/sha256/${hex}/index`) faults.push(`mounted of ${type} ${source}: ${at}`);
    if (!existsSync(`${root}/layers/sha256/${hex}/index`)) faults.push(`mounted, and not stored: ${at}`);
    else if (!existsSync(source)) faults.push(`mounted of a file that is gone: ${at}`);
  }
  for (const instance of namesIn(base))
    for (const name of namesIn(`${base}/${instance}`))
      if (!times.has(`${base}/${instance}/${name}`)) faults.push(`an empty place of a mount: ${base}/${instance}/${name}`);
  return faults;
}

/** @see proc_pid_mountinfo(5) */
function layerMounts(runRoot: string): Mount[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const [left = "", right = ""] = line.split(" - ");
      const [type = "", source = ""] = right.split(" ");
      const [, , device = "", , at = ""] = left.split(" ");
      return at === `${runRoot}/layers` || at.startsWith(`${runRoot}/layers/`)
        ? [{ at, source: fileOfLoopDevice(device) ?? source, type }]
        : [];
    });
}

/** By its numbers; undefined: it is none. */
function fileOfLoopDevice(device: string): string | undefined {
  const path = `/sys/dev/block/${device}/loop/backing_file`;
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd() : undefined;
}

/** @see the kernel's fs/erofs/erofs_fs.h */
function isErofs(path: string): boolean {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < 2048) return false;
  const magic = Buffer.alloc(4);
  const fd = openSync(path, "r");
  readSync(fd, magic, 0, 4, 1024);
  closeSync(fd);
  return magic.readUInt32LE() === 0xe0f5e1e2;
}

/** Of regular files, each once whatever its names. */
function contentBytes(tree: string): number {
  const { stdout } = spawnSync("find", [tree, "-type", "f", "-printf", "%i %s\\n"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const files = new Map(stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.split(" ") as [string, string]])));
  return [...files.values()].reduce((sum, size) => sum + Number(size), 0);
}
