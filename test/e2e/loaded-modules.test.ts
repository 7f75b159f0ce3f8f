// What `run` loads is what every start waits for. A module that only other verbs need belongs behind import().
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { repository } from "../support/host-features.ts";
import { useOciHost } from "../support/oci-host.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "launcher", "overlayfs", "payload");
const host = useWherryHost("loaded-modules", { payload: true });
const bundles = useOciHost("loaded-modules-oci");

interface LoadedModule {
  readonly path: string;
  readonly bytes: number;
  /** What it imports of the runtime. */
  readonly builtins: readonly string[];
}

async function modulesLoadedBy(args: readonly string[], selection = host.selection): Promise<readonly LoadedModule[]> {
  const report = `${host.directory}/modules-${args[0] ?? ""}`;
  const command = [
    "--preload",
    `${repository}/test/support/record-loaded-modules.ts`,
    `${repository}/src/cli/main.ts`,
    ...selection,
    ...args,
  ];
  const result = await new RunningProgram(process.execPath, command, { env: { WHERRY_LOADED_MODULES: report } }).done;
  expect({ args, ...result }).toMatchObject({ code: 0, stderr: "" });
  return readFileSync(report, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const total = (modules: readonly { readonly bytes: number }[]): number => modules.reduce((sum, { bytes }) => sum + bytes, 0);

/** `run` and `exec`: what every start waits for. */
async function expectLean(args: readonly string[]): Promise<void> {
  const modules = await modulesLoadedBy(args);
  const paths = modules.map(({ path }) => path);
  const unneeded = /^src\/(archive|registry|build|api|oci|network|cli\/(demo|docker-json|completion|format|template))\//;
  expect(paths.filter((path) => unneeded.test(path))).toEqual([]);
  // Each of the others costs 0.3 to 2 ms: `process.getBuiltinModule` where one is needed after all.
  const builtins = modules.flatMap(({ path, builtins: names }) => names.map((name) => ({ path, name })));
  expect(builtins.filter(({ name }) => !["node:fs", "node:sqlite"].includes(name))).toEqual([]);
  // A budget, not a law: look at the list before raising it. The compiler of plans is not counted: run from its sources the engine has no
  // memory of plans (src/runtime/plan-cache.ts), and a start that is like an earlier one does not load it.
  const always = modules.filter(({ path }) => !/^src\/plan\/(?!cgroups\/)/.test(path));
  expect({ modules: always.length <= 134, bytes: total(always) <= 430_000 }).toEqual({ modules: true, bytes: true });
}

test("run loads nothing that it does not need", async () => {
  await host.ok(["run", "--rm", "payload", "exit", "0"]); // the first compiles the seccomp profile
  await expectLean(["run", "--rm", "payload", "exit", "0"]);
});

test("exec loads nothing that it does not need", async () => {
  await host.ok(["run", "-d", "--name", "idle", "payload", "sleep"]);
  await expectLean(["exec", "idle", "/payload", "exit", "0"]);
  await host.ok(["rm", "-f", "idle"]);
});

test("an OCI runtime's commands for a container that is there load no command line, no compiler and of the runtime node:fs alone", async () => {
  const bundle = bundles.bundle(["/payload", "sleep"]);
  await bundles.left(["create", "-b", bundle, "box"]);
  const selection = ["oci", "--root", bundles.root];
  for (const args of [["state", "box"], ["start", "box"], ["list"], ["delete", "--force", "box"]]) {
    const modules = await modulesLoadedBy(args, selection);
    const unneeded = /^src\/(cli\/(?!main)|engine|containers|state|plan)\//;
    expect(modules.map(({ path }) => path).filter((path) => unneeded.test(path))).toEqual([]);
    expect(modules.flatMap(({ builtins }) => builtins).filter((name) => name !== "node:fs")).toEqual([]);
    expect({ args, bytes: modules.reduce((sum, { bytes }) => sum + bytes, 0) <= 66_000 }).toEqual({ args, bytes: true });
  }
});

test("help and completion load no engine", async () => {
  const modules = await modulesLoadedBy(["completion", "bash"]);
  expect(modules.map(({ path }) => path).filter((path) => /^src\/(engine|containers|state|runtime|plan)\//.test(path))).toEqual([]);
});
