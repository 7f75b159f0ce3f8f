import { describe, expect, test } from "bun:test";
import { FakeEngine } from "../../../test/fakes/fake-engine.ts";
import { runFakeCli } from "../../../test/fakes/run-fake-cli.ts";
import { containers, images, init } from "../../../test/fakes/sample-state.ts";

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
    expect((await runFakeCli(["rmi", "base", "nope"], { engine })).stdout).toBe(
      `Untagged: base:latest\nUntagged: localhost:5000/base:1\nDeleted: ${images[0]?.id}\n`,
    );
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
      [
        "IMAGE          CREATED        CREATED BY   SIZE      COMMENT",
        'a1b2c3d4e5f6   24 hours ago   CMD ["sh"]   0B        ',
        "<missing>      24 hours ago                4.21MB    Imported from -",
        "",
      ].join("\n"),
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
    [["-f", '{{index .Config.Labels "app"}}{{.Config.Labels.none}}', "web"], "web<no value>\n"],
    [["-f", "{{json .HostConfig.Binds}} {{.HostConfig.Memory}}", "web"], "null 0\n"],
    [["-f", "{{range .Mounts}}{{.Source}}:{{.Destination}}{{end}}", "job"], "/very/long/path/of/a/mount:/x\n"],
    [["-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}", "web"], "host\n"],
    [
      ["--type", "image", "-f", '{{.Os}}/{{.Architecture}} {{join .RepoTags ","}}', "base"],
      "linux/amd64 base:latest,localhost:5000/base:1\n",
    ],
  ])("%p", async (args, stdout) => {
    expect(await runFakeCli(["inspect", ...args], init)).toMatchObject({ code: 0, stdout });
  });

  test("--type narrows the search; container and image inspect do too", async () => {
    expect((await runFakeCli(["inspect", "--type", "image", "web"], init)).stderr).toContain("No such image: web:latest");
    expect((await runFakeCli(["container", "inspect", "base"], init)).stderr).toContain("No such container: base");
    expect((await runFakeCli(["image", "inspect", "base"], init)).code).toBe(0);
    expect((await runFakeCli(["inspect", "--type", "network", "x"], init)).stderr).toContain("use container, image or volume");
    expect((await runFakeCli(["inspect", "--type", "volume", "x"], init)).stderr).toContain("get x: no such volume");
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
    const doctor = {
      sections: [
        {
          title: "Controllers",
          items: [
            { name: "memory", status: "ok" as const, detail: "v1", consequence: "" },
            {
              name: "hugetlb",
              status: "missing" as const,
              detail: "not mounted",
              consequence: "huge pages can't be limited: mount the controller",
            },
          ],
        },
      ],
    };
    expect((await runFakeCli(["doctor"], { doctor })).stdout).toBe(
      "Controllers\n  ok       memory   v1\n  missing  hugetlb  not mounted\n           huge pages can't be limited: mount the controller\n\n1 ok, 0 limited, 1 missing\n",
    );
  });

  test("port lists nothing", async () => {
    expect(await runFakeCli(["port", "web"], init)).toMatchObject({ code: 0, stdout: "" });
    expect(await runFakeCli(["port", "web", "80"], init)).toMatchObject({
      code: 1,
      stderr: "wherry: no public port '80' published for web\n",
    });
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

describe("search", () => {
  test("prints docker's table", async () => {
    expect((await runFakeCli(["search", "debian"])).stdout).toBe(
      [
        "NAME          DESCRIPTION                                     STARS     OFFICIAL   AUTOMATED",
        "debian        About debian, About debian, About debian, Ab…   12        [OK]       ",
        "jane/debian                                                   0                    ",
        "",
      ].join("\n"),
    );
    expect((await runFakeCli(["search", "--list-tags", "debian"])).stdout).toBe("NAME      TAG\ndebian    1\ndebian    2\n");
  });

  test.each([
    [["-f", "stars=3"], "debian\n"],
    [["-f", "is-official=false"], "jane/debian\n"],
  ])("%p", async (args, stdout) => {
    expect((await runFakeCli(["search", "--format", "{{.Name}}", ...args, "debian"])).stdout).toBe(stdout);
  });

  test("refuses a filter or limit that is none", async () => {
    expect(await runFakeCli(["search", "-f", "colour=red", "x"])).toMatchObject({
      code: 1,
      stderr: "wherry: Invalid filter 'colour=red'\n",
    });
    expect((await runFakeCli(["search", "--limit", "0", "x"])).stderr).toBe("wherry: Limit 0 is outside the range of [1, 100]\n");
  });
});
