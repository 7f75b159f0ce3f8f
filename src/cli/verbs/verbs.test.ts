import { describe, expect, test } from "bun:test";
import { containerRow, FakeEngine } from "../../../test/fakes/fake-engine.ts";
import { imageDetails } from "../../../test/fakes/image-details.ts";
import { fakeNow, runFakeCli } from "../../../test/fakes/run-fake-cli.ts";
import type { ContainerId, ImageId } from "../../core/brands.ts";

const idOf = (digits: string): ContainerId => digits.padEnd(64, "0") as ContainerId;
const ago = (seconds: number): Date => new Date(fakeNow.getTime() - seconds * 1000);

const containers = [
  containerRow({ id: idOf("1111"), name: "web", command: ["/bin/sh", "-c", "while true; do sleep 1; done"], createdAt: ago(300), status: "running", startedAt: ago(290), pid: 7, labels: { app: "web", "com.example.tier-name": "front" }, networkMode: "host" }),
  containerRow({ id: idOf("2222"), name: "job", command: ["true"], createdAt: ago(7200), status: "exited", startedAt: ago(7100), finishedAt: ago(200), exitCode: 3, mounts: [{ type: "bind", source: "/very/long/path/of/a/mount", destination: "/x", mode: "", readWrite: true, propagation: "rprivate" }] }),
  containerRow({ id: idOf("3333"), name: "new", createdAt: ago(1), sizeRwBytes: 1500, sizeRootFsBytes: 2_500_000 }),
  containerRow({ id: idOf("4444"), name: "held", status: "paused", createdAt: ago(86400 * 3), startedAt: ago(86400 * 3) }),
];
const images = [
  imageDetails({ references: ["base:latest", "localhost:5000/base:1"] }),
  imageDetails({ id: `sha256:${"f".repeat(64)}` as ImageId, references: [], createdAt: ago(60), sizeBytes: 187_400_000 }),
];
const init = { containers, images };

describe("ps", () => {
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
    [["-a", "--format", "{{.Mounts}}|{{.Size}}|{{.Labels}}"], "|0B|app=web,com.example.tier-name=front\n/very/long/pat…|0B|\n|1.5kB (virtual 2.5MB)|\n|0B|\n"],
    [["--no-trunc", "--format", "{{.Command}}"], `"/bin/sh -c 'while true; do sleep 1; done'"\n"sh"\n`],
  ])("%p", async (args, stdout) => {
    expect(await runFakeCli(["ps", ...args], init)).toMatchObject({ code: 0, stdout, stderr: "" });
  });

  test("--format json prints docker's keys, an object a line", async () => {
    const lines = (await runFakeCli(["ps", "--format", "json"], init)).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(Object.keys(JSON.parse(lines[0] ?? ""))).toEqual(["Command", "CreatedAt", "ID", "Image", "Labels", "LocalVolumes", "Mounts", "Names", "Networks", "Ports", "RunningFor", "Size", "State", "Status"]);
  });

  test("hands filters, limits and size on", async () => {
    const listed = async (args: readonly string[]) => (await runFakeCli(["ps", ...args], init)).engine.calls[0]?.args[0];
    expect(await listed(["-f", "status=exited", "--filter", "status=created", "-f", "label=a=b"])).toEqual({ all: false, size: false, filters: { status: ["exited", "created"], label: ["a=b"] } });
    expect(await listed(["-l"])).toEqual({ all: true, size: false, limit: 1 });
    expect(await listed(["-n", "3", "-s"])).toEqual({ all: true, size: true, limit: 3 });
    expect(await listed(["--format", "{{.Size}}"])).toEqual({ all: false, size: true });
  });

  test("refuses a bad filter and a bad template", async () => {
    expect((await runFakeCli(["ps", "-f", "running"], init)).stderr).toContain("invalid filter 'running': use KEY=VALUE");
    expect(await runFakeCli(["ps", "--format", "{{.Nope}}"], init)).toMatchObject({ code: 1, stderr: 'wherry: template parsing error: template: :1: executing "" at <.Nope>: can\'t evaluate field Nope: there is no such field\n' });
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
    expect(await runFakeCli(["rm", "web", "job"], init)).toMatchObject({ code: 1, stdout: "job\n", stderr: "wherry: cannot remove container `web`: it is running: stop it first, or force\n" });
    expect(await runFakeCli(["rm", "-f", "nope"], init)).toMatchObject({ code: 0, stdout: "", stderr: "wherry: No such container: nope\n" });
  });

  test("restart stops, then starts", async () => {
    const { engine, stdout } = await runFakeCli(["restart", "-t", "1", "job"], init);
    expect(stdout).toBe("job\n");
    expect(engine.calls.map(({ method }) => method)).toEqual(["containers.stop", "containers.start"]);
  });
});

describe("start and attach", () => {
  test("start prints the names given", async () => {
    expect(await runFakeCli(["start", "job", "2222", "nope"], init)).toMatchObject({ code: 1, stdout: "job\n2222\n", stderr: "wherry: start `nope`: No such container: nope\n" });
  });

  test("start -a prints the output and ends with the container's code", async () => {
    const noisy = [containerRow({ id: idOf("5"), name: "noisy", command: ["sh", "-c", "echo out; echo err >&2; exit 9"] })];
    expect(await runFakeCli(["start", "-a", "noisy"], { containers: noisy })).toMatchObject({ code: 9, stdout: "out\n", stderr: "err\n" });
  });

  test("start -a takes one container", async () => {
    expect((await runFakeCli(["start", "-a", "web", "job"], init)).stderr).toBe("wherry: you cannot start and attach multiple containers at once\n");
  });

  test("attach is refused unless it runs", async () => {
    expect(await runFakeCli(["attach", "job"], init)).toMatchObject({ code: 1, stderr: "wherry: You cannot attach to a stopped container, start it first\n" });
    expect(await runFakeCli(["attach", "held"], init)).toMatchObject({ code: 1, stderr: "wherry: You cannot attach to a paused container, unpause it first\n" });
  });
});

describe("run and exec", () => {
  test("run ends with the command's code and keeps the streams apart", async () => {
    expect(await runFakeCli(["run", "--rm", "base", "sh", "-c", "echo out; echo err >&2; exit 7"])).toMatchObject({ code: 7, stdout: "out\n", stderr: "err\n" });
  });

  test("-a stdout leaves the rest out", async () => {
    expect(await runFakeCli(["run", "-a", "stdout", "base", "sh", "-c", "echo out; echo err >&2"])).toMatchObject({ code: 0, stdout: "out\n", stderr: "" });
  });

  test("run -d prints the id and attaches nothing", async () => {
    const { stdout, engine } = await runFakeCli(["run", "-d", "base", "true"]);
    expect(stdout).toBe(`${[...engine.rows.keys()][0]}\n`);
    expect(engine.calls[0]?.args[1]).toEqual({});
  });

  test("warnings go to standard error", async () => {
    expect(await runFakeCli(["run", "base", "true"], { warnings: ["no swap limit"] })).toMatchObject({ code: 0, stderr: "WARNING: no swap limit\n" });
  });

  test("--attach and --detach exclude each other", async () => {
    expect(await runFakeCli(["run", "-d", "-a", "stdout", "base"])).toMatchObject({ code: 125, stderr: "wherry: conflicting options: cannot specify both --attach and --detach\n" });
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
    expect(engine.calls[0]?.args).toEqual(["web", { command: ["true", "-x"], tty: false, privileged: true, env: ["A=1"], user: "0", workingDirectory: "/w", attach: { stdin: false, stdout: true, stderr: true } }]);
    expect((await runFakeCli(["exec", "-d", "web", "true"], init)).engine.calls[0]?.args[1]).not.toHaveProperty("attach");
  });
});

describe("logs", () => {
  const entry = (stream: "stdout" | "stderr", second: number, text: string, partial = false) => ({ stream, time: `2026-01-02T03:04:0${second}.000000000Z`, bytes: Buffer.from(text), partial });
  const logs = [entry("stdout", 1, "one\n"), entry("stderr", 2, "two\n"), entry("stdout", 3, "thr", true), entry("stdout", 4, "ee\n")];

  test("keeps the streams apart and joins the parts of a line", async () => {
    expect(await runFakeCli(["logs", "web"], { ...init, logs })).toMatchObject({ code: 0, stdout: "one\nthree\n", stderr: "two\n" });
    expect((await runFakeCli(["logs", "-t", "web"], { ...init, logs })).stdout).toBe("2026-01-02T03:04:01.000000000Z one\n2026-01-02T03:04:03.000000000Z three\n");
  });

  test("hands its options on", async () => {
    const { engine } = await runFakeCli(["logs", "-f", "-n", "2", "--since", "10m", "--until", "2026-01-02T03:59:00Z", "web"], { ...init, logs });
    expect(engine.calls[0]?.args[1]).toEqual({ stdout: true, stderr: true, follow: true, tail: 2, since: ago(600), until: ago(60) });
  });

  test.each([[["--tail", "few"]], [["--since", "yesterday"]], [["--until", "2026-13-45"]]])("%p is refused", async (args) => {
    expect((await runFakeCli(["logs", ...args, "web"], init)).code).toBe(125);
  });
});

describe("images", () => {
  test("prints docker's table, the newest first", async () => {
    expect((await runFakeCli(["images"], init)).stdout).toBe(
      [
        "REPOSITORY            TAG       IMAGE ID       CREATED              SIZE",
        "<none>                <none>    ffffffffffff   About a minute ago   187MB",
        "base                  latest    a1b2c3d4e5f6   24 hours ago         4.21MB",
        "localhost:5000/base   1         a1b2c3d4e5f6   24 hours ago         4.21MB",
        "",
      ].join("\n"),
    );
  });

  test.each([
    [["-q"], "ffffffffffff\na1b2c3d4e5f6\n"],
    [["--format", "{{.Repository}}:{{.Tag}}", "base"], "base:latest\n"],
    [["--format", "{{.Tag}}", "*/base:1"], "1\n"],
    [["--format", "{{.Tag}}", "nothing"], ""],
  ])("%p", async (args, stdout) => {
    expect((await runFakeCli(["images", ...args], init)).stdout).toBe(stdout);
  });

  test("rmi tells what it did", async () => {
    const engine = new FakeEngine({ images: images.slice(0, 1) });
    expect((await runFakeCli(["rmi", "base", "nope"], { engine })).stdout).toBe(`Untagged: base:latest\nUntagged: localhost:5000/base:1\nDeleted: ${images[0]?.id}\n`);
  });

  test("commit and import print the id and hand their options on", async () => {
    const { stdout, engine } = await runFakeCli(["commit", "-a", "me", "-m", "why", "-c", "CMD x", "--pause=false", "web", "new:1"], init);
    expect(stdout).toBe(`sha256:${"c".repeat(64)}\n`);
    expect(engine.calls[0]?.args).toEqual(["web", { pause: false, reference: "new:1", message: "why", author: "me", changes: ["CMD x"] }]);
    const imported = await runFakeCli(["import", new URL(import.meta.url).pathname, "x:1"], init);
    expect(imported.stdout).toMatch(/^sha256:0+[1-9a-f]/);
    expect(await runFakeCli(["import", "/nonexistent"], init)).toMatchObject({ code: 1, stdout: "" });
    expect((await runFakeCli(["import", "http://x/y.tar"], init)).stderr).toContain("curl -L http://x/y.tar | wherry import -");
  });

  test("history prints docker's table", async () => {
    expect((await runFakeCli(["history", "base"], init)).stdout).toBe(
      ['IMAGE          CREATED        CREATED BY   SIZE      COMMENT', 'a1b2c3d4e5f6   24 hours ago   CMD ["sh"]   0B        ', "<missing>      24 hours ago                4.21MB    Imported from -", ""].join("\n"),
    );
  });
});

describe("inspect", () => {
  test("prints a list of what was found, then what was not", async () => {
    const { code, stdout, stderr } = await runFakeCli(["inspect", "web", "nope", "base"], init);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).map((item: { Id: string }) => item.Id)).toEqual([containers[0]?.id, images[0]?.id]);
    expect(stderr).toBe("wherry: No such object: nope\n");
  });

  test.each([
    [["-f", "{{.State.Status}} {{.Name}}", "web"], "running /web\n"],
    [["--format={{.State.Pid}}", "web", "job"], "7\n0\n"],
    [["-f", "{{index .Config.Labels \"app\"}}{{.Config.Labels.none}}", "web"], "web<no value>\n"],
    [["-f", "{{json .HostConfig.Binds}} {{.HostConfig.Memory}}", "web"], "null 0\n"],
    [["-f", "{{range .Mounts}}{{.Source}}:{{.Destination}}{{end}}", "job"], "/very/long/path/of/a/mount:/x\n"],
    [["-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}", "web"], "host\n"],
    [["--type", "image", "-f", "{{.Os}}/{{.Architecture}} {{join .RepoTags \",\"}}", "base"], "linux/amd64 base:latest,localhost:5000/base:1\n"],
  ])("%p", async (args, stdout) => {
    expect(await runFakeCli(["inspect", ...args], init)).toMatchObject({ code: 0, stdout });
  });

  test("--type narrows the search; container and image inspect do too", async () => {
    expect((await runFakeCli(["inspect", "--type", "image", "web"], init)).stderr).toContain("No such image: web:latest");
    expect((await runFakeCli(["container", "inspect", "base"], init)).stderr).toContain("No such container: base");
    expect((await runFakeCli(["image", "inspect", "base"], init)).code).toBe(0);
    expect((await runFakeCli(["inspect", "--type", "volume", "x"], init)).stderr).toContain("use container or image");
  });

  test("-s asks for sizes", async () => {
    expect((await runFakeCli(["inspect", "-s", "new"], init)).engine.calls[0]?.args[1]).toEqual({ size: true });
  });
});

describe("system verbs", () => {
  test.each([[["version"]], [["info"]], [["doctor"]], [["explain", "web"]], [["diff", "web"]], [["top", "web"]]])("%p", async (args) => {
    const { code, stdout } = await runFakeCli(args, init);
    expect(code).toBe(0);
    expect(stdout).toMatchSnapshot();
  });

  test("formats", async () => {
    expect((await runFakeCli(["version", "-f", "{{.Server.Version}} {{.Client.Os}}"])).stdout).toBe("0.1.0 linux\n");
    expect((await runFakeCli(["info", "--format", "{{.Driver}} {{.CgroupVersion}}"])).stdout).toBe("directory 1\n");
    expect(JSON.parse((await runFakeCli(["system", "info", "-f", "json"])).stdout).NCPU).toBe(2);
    expect(JSON.parse((await runFakeCli(["doctor", "--json"])).stdout).sections).toHaveLength(1);
  });

  test("doctor says what follows from what is missing", async () => {
    const doctor = { sections: [{ title: "Controllers", items: [{ name: "memory", status: "ok" as const, detail: "v1", consequence: "" }, { name: "hugetlb", status: "missing" as const, detail: "not mounted", consequence: "huge pages can't be limited: mount the controller" }] }] };
    expect((await runFakeCli(["doctor"], { doctor })).stdout).toBe("Controllers\n  ok       memory   v1\n  missing  hugetlb  not mounted\n           huge pages can't be limited: mount the controller\n\n1 ok, 0 limited, 1 missing\n");
  });

  test("port lists nothing", async () => {
    expect(await runFakeCli(["port", "web"], init)).toMatchObject({ code: 0, stdout: "" });
    expect(await runFakeCli(["port", "web", "80"], init)).toMatchObject({ code: 1, stderr: "wherry: no public port '80' published for web\n" });
  });

  test("stats --no-stream prints docker's table once", async () => {
    expect((await runFakeCli(["stats", "--no-stream", "web"], init)).stdout).toBe(
      "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O   BLOCK I/O    PIDS\n111100000000   web       0.00%     3MiB / 512MiB       0.59%     0B / 0B   1.5MB / 0B   2\n",
    );
  });

  test("completion knows the verbs", async () => {
    const { stdout } = await runFakeCli(["completion", "bash"]);
    expect(stdout).toContain("complete -F _wherry wherry");
    expect(stdout).toContain("--cpuset-cpus");
  });
});
