// Mistakes: one line that names the thing and the way out, docker's exit code, nothing left behind.
import { afterEach, describe, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost, WherryHost, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("errors", { payload: true });

const noSpace = /^wherry: [^\n]*no space left on device[^\n]*\n$/;
const containers = async () => host.ok(["ps", "-aq"]);
const listed = (path: string) => (existsSync(path) ? readdirSync(path) : []);

afterEach(async () => {
  expect(await containers()).toBe("");
  expect(listed(`${host.root}/containers`)).toEqual([]);
  expect(listed(host.runRoot).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
});

describe("bad input is refused in one line, with the way out", () => {
  test.each([
    ["an unknown image", ["--pull", "never", "nosuchimage"], 125, /No such image: nosuchimage:latest: .*`wherry pull`/],
    ["an image name that is none", ["UPPER CASE"], 125, /invalid reference|UPPER CASE/i],
    ["a taken cidfile", ["--cidfile", "/etc/passwd", "base", "true"], 125, /container ID file found.*delete/],
    ["a bad name", ["--name", "a b", "base", "true"], 125, /only \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\] are allowed/],
    ["a missing command", ["base", "nosuch"], 127, /exec: "nosuch": executable file not found in \$PATH/],
    ["a missing path", ["base", "/no/such"], 127, /\/no\/such.*no such file or directory/],
    ["a file that is not executable", ["base", "/etc/passwd"], 126, /\/etc\/passwd.*permission denied/],
    ["a directory", ["base", "/etc"], 126, /\/etc.*(permission denied|is a directory)/],
    ["no command at all", ["--entrypoint", "", "payload"], 125, /no command specified/],
    [
      "a missing bind source",
      ["--mount", "type=bind,src=/no/such,dst=/x", "base", "true"],
      125,
      /bind source path does not exist: \/no\/such/,
    ],
    ["a mount on the root", ["-v", "/usr:/", "base", "true"], 125, /root/],
    ["two mounts on one place", ["-v", "/usr:/x", "-v", "/usr:/x", "base", "true"], 125, /duplicate mount point: \/x/i],
    ["too little memory", ["-m", "1k", "base", "true"], 125, /6 ?MB/i],
    ["swap below memory", ["-m", "64m", "--memory-swap", "32m", "base", "true"], 125, /memoryswap|memory-swap/i],
    ["too many CPUs", ["--cpus", "9999", "base", "true"], 125, /only \d+ CPUs available/],
    ["a CPU that is not there", ["--cpuset-cpus", "9998", "base", "true"], 125, /9998/],
    ["a user that is not there", ["-u", "nosuch", "base", "true"], 125, /unable to find user nosuch/],
    ["an unknown capability", ["--cap-add", "FLY", "base", "true"], 125, /FLY/],
    ["an unknown device", ["--device", "/dev/nosuch", "base", "true"], 125, /\/dev\/nosuch/],
    ["an unknown security option", ["--security-opt", "x=y", "base", "true"], 125, /x=y/],
    ["an unknown signal", ["--stop-signal", "SIGNOPE", "base", "true"], 125, /SIGNOPE/],
    ["a network that is not there", ["--network", "mars", "base", "true"], 125, /mars/],
    ["a sysctl of the host's", ["--sysctl", "vm.swappiness=1", "base", "true"], 125, /vm\.swappiness/],
    ["a relative working directory", ["-w", "here", "base", "true"], 125, /here.*absolute/],
  ] as const)("%s", async (_, args, code, text) => {
    const result = await host.wherry(["run", "--rm", ...args]);
    expect({ code: result.code, stdout: result.stdout, lines: result.stderr.trimEnd().split("\n").length }).toEqual({
      code,
      stdout: "",
      lines: 1,
    });
    expect(result.stderr).toMatch(text);
    expect(result.stderr).toStartWith("wherry: ");
  });

  test.each([
    ["an unknown flag", ["run", "--nosuch", "base"], 125, /unknown flag: --nosuch/],
    ["a flag misspelt", ["run", "--interactiv", "base"], 125, /did you mean --interactive/],
    ["an unknown short flag", ["run", "-Z", "base"], 125, /unknown shorthand flag: 'Z' in -Z/],
    ["a bad size", ["run", "-m", "much", "base"], 125, /invalid argument "much" for "-m, --memory" flag/],
    ["a flag without its value", ["run", "--name"], 125, /flag needs an argument: --name/],
    ["no image", ["run"], 1, /requires at least 1 argument/],
    ["an unknown verb", ["rum"], 1, /rum/],
    ["too many arguments", ["logs", "a", "b"], 1, /requires.* 1 argument/],
  ] as const)("%s, with the usage", async (_, args, code, text) => {
    const result = await host.wherry(args);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
    expect(result.stderr).toMatch(text);
    expect(result.stderr).not.toContain("    at ");
  });
});

test("not root: what is missing and what helps, from every verb", async () => {
  // The front and what it starts must be reachable for somebody else, as an installed program is.
  const directory = `${host.directory}/program`;
  mkdirSync(directory);
  chmodSync(host.directory, 0o755);
  await new RunningProgram("cp", ["-a", `${wherryProgram.replace(/\/wherry$/, "")}/.`, directory]).done;
  for (const args of [["run", "--rm", "base", "true"], ["ps"], ["create", "base"], ["images"], ["logs", "x"]]) {
    const result = await new RunningProgram("setpriv", [
      "--reuid",
      "65534",
      "--regid",
      "65534",
      "--clear-groups",
      `${directory}/wherry`,
      ...host.selection,
      ...args,
    ]).done;
    expect({ args, code: result.code }).toEqual({ args, code: args[0] === "run" ? 125 : 1 });
    expect(result.stderr).toMatch(/^wherry: [^\n]*root[^\n]*\n$/);
    expect(result.stderr).not.toContain("internal error");
  }
});

describe("a data root without room", () => {
  const small = async (sizeKib: number, action: (other: WherryHost) => Promise<void>) => {
    const other = new WherryHost("small");
    mkdirSync(other.root);
    await new RunningProgram("mount", ["-t", "tmpfs", "-o", `size=${sizeKib}k`, "tmpfs", other.root]).done;
    try {
      await action(other);
    } finally {
      await poll("it is unmounted", async () => (await new RunningProgram("umount", [other.root]).done).code === 0);
      await other.dispose();
    }
  };

  test("import and run tell so, and succeed once there is room", async () => {
    await small(4096, async (other) => {
      await new RunningProgram("dd", ["if=/dev/zero", `of=${other.root}/filler`, "bs=4k"]).done;
      const refused = await other.wherry(["import", `${host.directory}/payload.tar`, "payload"]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(noSpace);
      await new RunningProgram("rm", [`${other.root}/filler`]).done;
      expect(
        await other.wherry(["import", "--change", 'ENTRYPOINT ["/payload"]', `${host.directory}/payload.tar`, "payload"]),
      ).toMatchObject({
        code: 0,
      });
      expect((await other.wherry(["run", "--name", "kept", "payload", "exit", "3"])).code).toBe(3);

      // The room ends at one step after the other.
      for (const kib of [0, 36, 52, 64, 96]) {
        await new RunningProgram("dd", ["if=/dev/zero", `of=${other.root}/filler`, "bs=4k"]).done;
        await new RunningProgram("truncate", ["-s", `-${kib}K`, `${other.root}/filler`]).done;
        const full = await other.wherry(["run", "--rm", "payload", "exit", "4"]);
        if (full.code !== 4) expect(full).toMatchObject({ code: 125, stdout: "", stderr: expect.stringMatching(noSpace) });
        await new RunningProgram("rm", [`${other.root}/filler`]).done;
      }
      expect((await other.wherry(["ps", "-a", "--format", "{{.Names}}"])).stdout).toBe("kept\n");
      expect((await other.wherry(["rm", "kept"])).code).toBe(0);
      expect((await other.wherry(["run", "--rm", "payload", "exit", "5"])).code).toBe(5);
      expect((await other.wherry(["ps", "-aq"])).stdout).toBe("");
    });
  });

  test("a log that can't be written does not stop the process", async () => {
    await small(4096, async (other) => {
      expect((await other.wherry(["import", "--change", 'ENTRYPOINT ["/payload"]', `${host.directory}/payload.tar`, "payload"])).code).toBe(
        0,
      );
      const result = await other.wherry(["run", "--rm", "payload", "pattern", "9000000"]);
      expect({ code: result.code, bytes: result.stdoutBytes.length }).toEqual({ code: 0, bytes: 9_000_000 });
    });
  });
});

test("a data root that can't be used is named", async () => {
  writeFileSync(`${host.directory}/file`, "");
  const result = await new RunningProgram(wherryProgram, [
    "--root",
    `${host.directory}/file/root`,
    "--run-root",
    `${host.directory}/r2`,
    "ps",
  ]).done;
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/^wherry: [^\n]*\/file[^\n]*\n$/);
  expect(result.stderr).not.toContain("internal error");
});

test("what a program prints about itself is not cut by an error: --debug shows where", async () => {
  const result = await host.wherry(["--debug", "run", "--rm", "--pull", "never", "nosuchimage"]);
  expect(result.code).toBe(125);
  expect(result.stderr).toMatch(/^wherry: .*nosuchimage/);
  expect(result.stderr.split("\n").length).toBeGreaterThan(2);
});

test("the leak checks of this file look at something", () => {
  expect(readFileSync("/proc/self/mountinfo", "utf8")).toContain(" / ");
});
