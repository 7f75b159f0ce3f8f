import { describe, expect, test } from "bun:test";
import { runFakeCli } from "../../test/fakes/run-fake-cli.ts";

const RUN_USAGE = "Usage:  wherry run [OPTIONS] IMAGE [COMMAND] [ARG...]";

describe("exit codes and texts of a bad command line are docker's", () => {
  test.each<[string[], number, string]>([
    [["run", "--badflag", "x"], 125, `unknown flag: --badflag\n\n${RUN_USAGE}\n\nRun 'wherry run --help' for more information\n`],
    [
      ["run", "--memry", "5", "x"],
      125,
      `unknown flag: --memry (did you mean --memory?)\n\n${RUN_USAGE}\n\nRun 'wherry run --help' for more information\n`,
    ],
    [["run"], 1, `wherry: 'wherry run' requires at least 1 argument\n\n${RUN_USAGE}\n\nSee 'wherry run --help' for more information\n`],
    [
      ["ps", "extra"],
      1,
      "wherry: 'wherry ps' accepts no arguments\n\nUsage:  wherry ps [OPTIONS]\n\nSee 'wherry ps --help' for more information\n",
    ],
    [
      ["container", "logs", "a", "b"],
      1,
      "wherry: 'wherry container logs' requires 1 argument\n\nUsage:  wherry container logs [OPTIONS] CONTAINER\n\nSee 'wherry container logs --help' for more information\n",
    ],
    [
      ["port", "a", "b", "c"],
      1,
      "wherry: 'wherry port' requires at most 2 arguments\n\nUsage:  wherry port CONTAINER [PRIVATE_PORT[/PROTO]]\n\nSee 'wherry port --help' for more information\n",
    ],
    [["rn"], 1, "wherry: unknown command: wherry rn (did you mean wherry run?)\n\nRun 'wherry --help' for more information\n"],
    [["--root", "/x", "oci", "list"], 1, "wherry: `oci` comes first and has options of its own: wherry oci [--root DIR] COMMAND\n"],
    [["toString"], 1, "wherry: unknown command: wherry toString\n\nRun 'wherry --help' for more information\n"],
    [
      ["container", "strat"],
      1,
      "wherry: unknown command: wherry container strat (did you mean wherry container start?)\n\nRun 'wherry container --help' for more information\n",
    ],
    [["build", "."], 1, "wherry: `wherry build` is not implemented yet: start from a container, then wherry commit\n"],
    [["image", "build", "."], 1, "wherry: `wherry image build` is not implemented yet: start from a container, then wherry commit\n"],
    [
      ["--frob", "ps"],
      125,
      "unknown flag: --frob\n\nUsage:  wherry [OPTIONS] COMMAND [ARG...]\n\nRun 'wherry --help' for more information\n",
    ],
    [
      ["-H", "tcp://x", "ps"],
      1,
      "wherry: talking to a server (-H `tcp://x`) is not implemented yet: leave it out, wherry acts on this machine directly and needs no server\n",
    ],
    [["run", "--pull", "never", "missing"], 125, "wherry: no image `missing`: bring it in with wherry import\n"],
    [["create", "--pull", "never", "missing"], 1, "wherry: no image `missing`: bring it in with wherry import\n"],
    [["run", "x", "/nonexistent"], 127, "wherry: exec `/nonexistent`: no such file or directory\n"],
    [["run", "x", "/etc/passwd"], 126, "wherry: exec `/etc/passwd`: permission denied\n"],
    [["run", "-it", "x"], 1, "wherry: the input device is not a TTY: leave out -t, or run it from a terminal\n"],
  ])("%p: %p", async (args, code, stderr) => {
    expect(await runFakeCli(args)).toMatchObject({ code, stderr, stdout: "" });
  });
});

describe("global flags", () => {
  test("roots come from flags, then the environment, then the defaults", async () => {
    const seen: unknown[] = [];
    const { runCli } = await import("./run-cli.ts");
    const { FakeEngine } = await import("../../test/fakes/fake-engine.ts");
    const { MemorySink } = await import("../../test/fakes/memory-sink.ts");
    const run = (args: readonly string[], env: Readonly<Record<string, string>>) =>
      runCli([...args, "ps"], {
        env,
        stdout: new MemorySink(),
        stderr: new MemorySink(),
        createEngine: (options) => (seen.push(options), new FakeEngine()),
      });
    await run([], {});
    await run([], { WHERRY_ROOT: "/r", WHERRY_RUN_ROOT: "" });
    await run(["--root=/f", "--run-root", "/q"], { WHERRY_ROOT: "/r" });
    expect(seen).toEqual([
      { root: "/var/lib/wherry", runRoot: "/run/wherry" },
      { root: "/r", runRoot: "/run/wherry" },
      { root: "/f", runRoot: "/q" },
    ]);
  });

  test("-v prints the version without an engine", async () => {
    const { stdout, engine } = await runFakeCli(["-v"]);
    expect(stdout).toMatch(/^Wherry version \S+, build /);
    expect(engine.closed).toBe(false);
  });

  test("the engine is closed, also after an error", async () => {
    expect((await runFakeCli(["ps"])).engine.closed).toBe(true);
    expect((await runFakeCli(["kill", "missing"])).engine.closed).toBe(true);
  });

  test("--debug adds the stack of an error", async () => {
    const { stderr } = await runFakeCli(["-D", "run", "missing"]);
    expect(stderr).toContain("wherry: no image `missing`");
    expect(stderr).toMatch(/\n\s+at /);
  });

  test("DOCKER_HOST, meant for other tools, changes nothing", async () => {
    expect((await runFakeCli(["ps", "-q"], { env: { DOCKER_HOST: "tcp://x" } })).code).toBe(0);
  });
});

describe("help", () => {
  test.each([[[]], [["--help"]], [["help"]]])("%p lists the commands", async (args) => {
    const { code, stdout } = await runFakeCli(args);
    expect(code).toBe(0);
    expect(stdout).toMatchSnapshot();
  });

  test.each([[["container"]], [["container", "--help"]], [["help", "container"]], [["help", "container", "ls"]], [["image"]]])(
    "%p",
    async (args) => {
      expect((await runFakeCli(args)).stdout).toMatchSnapshot();
    },
  );

  test("of an unknown command is an error", async () => {
    expect(await runFakeCli(["help", "frob"])).toMatchObject({ code: 1, stdout: "" });
  });
});
