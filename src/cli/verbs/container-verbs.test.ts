import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { containerRow } from "../../../test/fakes/container-row.ts";
import { runFakeCli } from "../../../test/fakes/run-fake-cli.ts";
import { ago, containers, idOf, images, init } from "../../../test/fakes/sample-state.ts";

describe("ps", () => {
  test("has the format that config.json gives it, unless it is told another, or to be quiet", async () => {
    const directory = mkdtempSync(`${tmpdir()}/wherry-ps-`);
    const ps = async (...args: readonly string[]) =>
      (await runFakeCli(["ps", ...args], { ...init, env: { DOCKER_CONFIG: directory } })).stdout.split("\n")[0];
    try {
      writeFileSync(`${directory}/config.json`, '{"psFormat": "{{.Names}}!"}');
      expect(await ps()).toMatch(/^\w+!$/);
      expect(await ps("--format", "x")).toBe("x");
      expect(await ps("-q")).toMatch(/^[0-9a-f]{12}$/);
      writeFileSync(`${directory}/config.json`, "no JSON");
      expect(await ps()).toStartWith("CONTAINER ID ");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("-a prints docker's table", async () => {
    expect((await runFakeCli(["ps", "-a"], init)).stdout).toBe(
      [
        "CONTAINER ID   IMAGE         COMMAND                  CREATED         STATUS                     PORTS     NAMES",
        `111100000000   base:latest   "/bin/sh -c 'while t…"   5 minutes ago   Up 4 minutes                         web`,
        '222200000000   base:latest   "true"                   2 hours ago     Exited (3) 3 minutes ago             job',
        '333300000000   base:latest   "sh"                     1 second ago    Created                              new',
        '444400000000   base:latest   "sh"                     3 days ago      Up 3 days (Paused)                   held',
        "",
      ].join("\n"),
    );
  });

  test.each([
    [["-q"], "111100000000\n444400000000\n"],
    [["-aq", "--no-trunc"], containers.map(({ id }) => `${id}\n`).join("")],
    [["--format", "{{.ID}} {{.Names}}: {{.State}}"], "111100000000 web: running\n444400000000 held: paused\n"],
    [["--format", "table {{.Names}}\\t{{.Status}}"], "NAMES     STATUS\nweb       Up 4 minutes\nheld      Up 3 days (Paused)\n"],
    [["--format", 'table {{.Label "com.example.tier-name"}}\t{{.Networks}}'], "TIER NAME   NETWORKS\nfront       host\n            none\n"],
    [
      ["-a", "--format", "{{.Mounts}}|{{.Size}}|{{.Labels}}"],
      "|0B|app=web,com.example.tier-name=front\n/very/long/pat…|0B|\n|1.5kB (virtual 2.5MB)|\n|0B|\n",
    ],
    [["--no-trunc", "--format", "{{.Command}}"], `"/bin/sh -c 'while true; do sleep 1; done'"\n"sh"\n`],
  ])("%p", async (args, stdout) => {
    expect(await runFakeCli(["ps", ...args], init)).toMatchObject({ code: 0, stdout, stderr: "" });
  });

  test("--format json prints docker's keys, an object a line", async () => {
    const lines = (await runFakeCli(["ps", "--format", "json"], init)).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(Object.keys(JSON.parse(lines[0] ?? ""))).toEqual([
      "Command",
      "CreatedAt",
      "ID",
      "Image",
      "Labels",
      "LocalVolumes",
      "Mounts",
      "Names",
      "Networks",
      "Ports",
      "RunningFor",
      "Size",
      "State",
      "Status",
    ]);
  });

  test("hands filters, limits and size on", async () => {
    const listed = async (args: readonly string[]) => (await runFakeCli(["ps", ...args], init)).engine.calls[0]?.args[0];
    expect(await listed(["-f", "status=exited", "--filter", "status=created", "-f", "label=a=b"])).toEqual({
      all: false,
      size: false,
      filters: { status: ["exited", "created"], label: ["a=b"] },
    });
    expect(await listed(["-l"])).toEqual({ all: true, size: false, limit: 1 });
    expect(await listed(["-n", "3", "-s"])).toEqual({ all: true, size: true, limit: 3 });
    expect(await listed(["--format", "{{.Size}}"])).toEqual({ all: false, size: true });
  });

  test("refuses a bad filter and a bad template", async () => {
    expect((await runFakeCli(["ps", "-f", "running"], init)).stderr).toContain("invalid filter 'running': use KEY=VALUE");
    expect(await runFakeCli(["ps", "--format", "{{.Nope}}"], init)).toMatchObject({
      code: 1,
      stderr: 'wherry: template parsing error: template: :1: executing "" at <.Nope>: can\'t evaluate field Nope: there is no such field\n',
    });
  });
});

describe("verbs over several containers", () => {
  test("print each name, go on after an error, and end with 1", async () => {
    const { code, stdout, stderr } = await runFakeCli(["stop", "web", "nope", "job"], init);
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: "web\njob\n", stderr: "wherry: No such container: nope\n" });
  });

  test.each<[string[], string, string, unknown[]]>([
    [["kill", "web"], "web\n", "containers.kill", ["web", "SIGKILL"]],
    [["kill", "-s", "HUP", "web"], "web\n", "containers.kill", ["web", "HUP"]],
    [["stop", "-t", "3", "-s", "INT", "web"], "web\n", "containers.stop", ["web", { timeoutSeconds: 3, signal: "INT" }]],
    [["stop", "--time=0", "web"], "web\n", "containers.stop", ["web", { timeoutSeconds: 0 }]],
    [["rm", "-fv", "web"], "web\n", "containers.remove", ["web", { force: true, volumes: true }]],
    [["pause", "web"], "web\n", "containers.pause", ["web"]],
    [["unpause", "held"], "held\n", "containers.unpause", ["held"]],
    [["rename", "web", "www"], "", "containers.rename", ["web", "www"]],
    [["wait", "job"], "3\n", "containers.wait", ["job"]],
    [["container", "rm", "job"], "job\n", "containers.remove", ["job", { force: false, volumes: false }]],
  ])("%p", async (args, stdout, method, given) => {
    const { code, stdout: printed, engine } = await runFakeCli(args, init);
    expect({ code, printed }).toEqual({ code: 0, printed: stdout });
    expect(engine.calls).toContainEqual({ method, args: given });
  });

  test("rm of a running one is refused with the remedy; rm -f of a missing one is no failure", async () => {
    expect(await runFakeCli(["rm", "web", "job"], init)).toMatchObject({
      code: 1,
      stdout: "job\n",
      stderr: "wherry: cannot remove container `web`: it is running: stop it first, or force\n",
    });
    expect(await runFakeCli(["rm", "-f", "nope"], init)).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "wherry: No such container: nope\n",
    });
  });

  test("restart stops, then starts", async () => {
    const { engine, stdout } = await runFakeCli(["restart", "-t", "1", "job"], init);
    expect(stdout).toBe("job\n");
    expect(engine.calls.map(({ method }) => method)).toEqual(["containers.stop", "containers.start"]);
  });
});

describe("start and attach", () => {
  test("start prints the names given", async () => {
    expect(await runFakeCli(["start", "job", "2222", "nope"], init)).toMatchObject({
      code: 1,
      stdout: "job\n2222\n",
      stderr: "wherry: start `nope`: No such container: nope\n",
    });
  });

  test("start -a prints the output and ends with the container's code", async () => {
    const noisy = [containerRow({ id: idOf("5"), name: "noisy", command: ["sh", "-c", "echo out; echo err >&2; exit 9"] })];
    expect(await runFakeCli(["start", "-a", "noisy"], { containers: noisy })).toMatchObject({ code: 9, stdout: "out\n", stderr: "err\n" });
  });

  test("start -a takes one container", async () => {
    expect((await runFakeCli(["start", "-a", "web", "job"], init)).stderr).toBe(
      "wherry: you cannot start and attach multiple containers at once\n",
    );
  });

  test("attach is refused unless it runs", async () => {
    expect(await runFakeCli(["attach", "job"], init)).toMatchObject({
      code: 1,
      stderr: "wherry: You cannot attach to a stopped container, start it first\n",
    });
    expect(await runFakeCli(["attach", "held"], init)).toMatchObject({
      code: 1,
      stderr: "wherry: You cannot attach to a paused container, unpause it first\n",
    });
  });
});

describe("run and exec", () => {
  test("run ends with the command's code and keeps the streams apart", async () => {
    expect(await runFakeCli(["run", "--rm", "base", "sh", "-c", "echo out; echo err >&2; exit 7"])).toMatchObject({
      code: 7,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  test("-a stdout leaves the rest out", async () => {
    expect(await runFakeCli(["run", "-a", "stdout", "base", "sh", "-c", "echo out; echo err >&2"])).toMatchObject({
      code: 0,
      stdout: "out\n",
      stderr: "",
    });
  });

  test("run -d prints the id and attaches nothing", async () => {
    const { stdout, engine } = await runFakeCli(["run", "-d", "base", "true"]);
    expect(stdout).toBe(`${[...engine.rows.keys()][0]}\n`);
    expect(engine.calls[0]?.args[1]).toEqual({});
  });

  test("warnings go to standard error", async () => {
    expect(await runFakeCli(["run", "base", "true"], { warnings: ["no swap limit"] })).toMatchObject({
      code: 0,
      stderr: "WARNING: no swap limit\n",
    });
  });

  test("--attach and --detach exclude each other", async () => {
    expect(await runFakeCli(["run", "-d", "-a", "stdout", "base"])).toMatchObject({
      code: 125,
      stderr: "wherry: conflicting options: cannot specify both --attach and --detach\n",
    });
  });

  test("--explain prints the plan on standard error, then runs; =only prints it and creates nothing", async () => {
    const runs = await runFakeCli(["run", "--explain", "base", "echo", "hi"]);
    expect(runs).toMatchObject({ code: 0, stdout: "hi\n" });
    expect(runs.stderr).toMatchSnapshot();
    const only = await runFakeCli(["run", "--explain=only", "base"]);
    expect(only).toMatchObject({ code: 0, stdout: runs.stderr, stderr: "" });
    expect(only.engine.rows.size).toBe(0);
    const json = await runFakeCli(["create", "--explain=only", "--json", "base"]);
    expect(JSON.parse(json.stdout).steps).toHaveLength(3);
  });

  test("exec ends with the command's code; 126 and 127 when it can't be run; 1 when the container is missing", async () => {
    const code = async (...args: string[]) => (await runFakeCli(["exec", ...args], init)).code;
    expect(await code("web", "sh", "-c", "exit 5")).toBe(5);
    expect(await code("web", "/nonexistent")).toBe(127);
    expect(await code("web", "/etc/passwd")).toBe(126);
    expect(await code("nope", "true")).toBe(1);
  });

  test("exec hands its options on", async () => {
    const { engine } = await runFakeCli(["exec", "-e", "A=1", "-u", "0", "-w", "/w", "--privileged", "web", "true", "-x"], init);
    expect(engine.calls[0]?.args).toEqual([
      "web",
      {
        command: ["true", "-x"],
        tty: false,
        privileged: true,
        env: ["A=1"],
        user: "0",
        workingDirectory: "/w",
        attach: { stdin: false, stdout: true, stderr: true },
      },
    ]);
    expect((await runFakeCli(["exec", "-d", "web", "true"], init)).engine.calls[0]?.args[1]).not.toHaveProperty("attach");
  });
});

describe("logs", () => {
  const entry = (stream: "stdout" | "stderr", second: number, text: string, partial = false) => ({
    stream,
    time: `2026-01-02T03:04:0${second}.000000000Z`,
    bytes: Buffer.from(text),
    partial,
  });
  const logs = [entry("stdout", 1, "one\n"), entry("stderr", 2, "two\n"), entry("stdout", 3, "thr", true), entry("stdout", 4, "ee\n")];

  test("keeps the streams apart and joins the parts of a line", async () => {
    expect(await runFakeCli(["logs", "web"], { ...init, logs })).toMatchObject({ code: 0, stdout: "one\nthree\n", stderr: "two\n" });
    expect((await runFakeCli(["logs", "-t", "web"], { ...init, logs })).stdout).toBe(
      "2026-01-02T03:04:01.000000000Z one\n2026-01-02T03:04:03.000000000Z three\n",
    );
  });

  test("hands its options on", async () => {
    const { engine } = await runFakeCli(["logs", "-f", "-n", "2", "--since", "10m", "--until", "2026-01-02T03:59:00Z", "web"], {
      ...init,
      logs,
    });
    expect(engine.calls[0]?.args[1]).toEqual({ stdout: true, stderr: true, follow: true, tail: 2, since: ago(600), until: ago(60) });
  });

  test("a negative --tail is all lines", async () => {
    const { engine } = await runFakeCli(["logs", "--tail", "-1", "web"], { ...init, logs });
    expect(engine.calls[0]?.args[1]).toEqual({ stdout: true, stderr: true, follow: false });
  });

  test.each([[["--tail", "few"]], [["--since", "yesterday"]], [["--until", "2026-13-45"]]])("%p is refused", async (args) => {
    expect((await runFakeCli(["logs", ...args, "web"], init)).code).toBe(125);
  });
});

describe("an image that is not here", () => {
  const fresh = { images: images.slice(0, 1) };

  test("is pulled, which standard error tells, and then run", async () => {
    const { code, stdout, stderr, engine } = await runFakeCli(["create", "missing"], fresh);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(stderr).toBe(
      [
        "Unable to find image 'missing:latest' locally",
        "latest: Pulling from missing",
        "dddddddddddd: Pulling fs layer",
        "dddddddddddd: Download complete",
        "dddddddddddd: Pull complete",
        `Digest: sha256:${"d".repeat(64)}`,
        "Status: Downloaded newer image for missing:latest",
        "",
      ].join("\n"),
    );
    expect(engine.calls.map(({ method }) => method)).toEqual(["containers.create", "images.pull", "containers.create"]);
  });

  test("is pulled in silence with -q, and not at all with --pull never", async () => {
    expect(await runFakeCli(["create", "-q", "missing"], fresh)).toMatchObject({ code: 0, stderr: "" });
    expect(await runFakeCli(["create", "--pull", "never", "missing"], fresh)).toMatchObject({
      code: 1,
      stderr: "wherry: no image `missing`: bring it in with wherry import\n",
    });
  });

  test("--pull always asks the registry whatever is here", async () => {
    const { engine } = await runFakeCli(["create", "--pull", "always", "base"], fresh);
    expect(engine.calls.map(({ method }) => method)).toEqual(["images.pull", "containers.create"]);
  });
});
