// Volumes: what keeps data across containers, who may remove it when, and docker's words for it.
import { describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("volumes", { payload: true });

const names = async (...args: string[]): Promise<string[]> =>
  (await host.ok(["volume", "ls", "-q", ...args])).split("\n").filter((name) => name !== "");
const sh = (script: string, ...flags: string[]): Promise<string> => host.ok(["run", "--rm", ...flags, "base", "sh", "-c", script]);
const json = async (args: readonly string[]): Promise<Record<string, unknown>> => JSON.parse(await host.ok(args))[0];

describe("a named volume", () => {
  test("is made by the first container that names it and keeps data across containers", async () => {
    await sh("echo kept > /d/file", "-v", "data:/d");
    expect(await sh("cat /e/file", "-v", "data:/e:ro")).toBe("kept");
    expect(await host.wherry(["run", "--rm", "-v", "data:/d:ro", "base", "touch", "/d/x"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Read-only file system"),
    });
    expect(await names()).toEqual(["data"]);
    expect(await host.ok(["volume", "rm", "data"])).toBe("data");
    expect(readdirSync(`${host.root}/volumes`)).toEqual([]);
  });

  test("is in use as long as a container names it, running or not", async () => {
    const id = await host.ok(["create", "-v", "held:/d", "--name", "holder", "payload", "exit"]);
    expect(await host.wherry(["volume", "rm", "held"])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `wherry: remove held: volume is in use - [${id}]\n`,
    });
    expect(await host.wherry(["volume", "rm", "-f", "held"])).toMatchObject({ code: 1 });
    expect(await host.ok(["volume", "prune", "-af"])).toBe("Total reclaimed space: 0B");
    // Not even `rm -v` takes what was named.
    await host.ok(["rm", "-v", "holder"]);
    expect(await names()).toEqual(["held"]);
    await host.ok(["volume", "rm", "held"]);
  });

  test("create, inspect, ls and their formats", async () => {
    expect(await host.ok(["volume", "create", "--label", "a=b", "--label", "c", "one"])).toBe("one");
    // As docker: again is no error, and changes nothing.
    expect(await host.ok(["volume", "create", "--label", "z=z", "one"])).toBe("one");
    expect(await json(["volume", "inspect", "one"])).toEqual({
      CreatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      Driver: "local",
      Labels: { a: "b", c: "" },
      Mountpoint: `${host.root}/volumes/one/_data`,
      Name: "one",
      Options: null,
      Scope: "local",
    });
    expect(await json(["inspect", "--type", "volume", "one"])).toMatchObject({ Name: "one" });
    expect(await host.ok(["volume", "inspect", "-f", "{{.Name}} {{.Labels.a}}", "one"])).toBe("one b");
    await host.ok(["volume", "create", "two"]);
    expect(await host.ok(["volume", "ls"])).toBe("DRIVER    VOLUME NAME\nlocal     one\nlocal     two");
    expect(await host.ok(["volume", "ls", "--format", '{{.Name}}:{{.Label "a"}}:{{.Scope}}:{{.Links}}'])).toBe(
      "one:b:local:N/A\ntwo::local:N/A",
    );
    expect(await names("--filter", "label=a")).toEqual(["one"]);
    expect(await names("--filter", "label=a=x")).toEqual([]);
    expect(await names("--filter", "label=a", "--filter", "label=c")).toEqual(["one"]);
    expect(await names("--filter", "name=t.o$")).toEqual(["two"]);
    expect(await names("--filter", "name=one", "--filter", "name=two")).toEqual(["one", "two"]);
    expect(await names("--filter", "driver=local")).toEqual(["one", "two"]);
    expect(await names("--filter", "driver=nfs")).toEqual([]);
    await host.ok(["create", "--name", "user", "-v", "one:/d", "payload", "exit"]);
    expect(await names("--filter", "dangling=true")).toEqual(["two"]);
    expect(await names("--filter", "dangling=false")).toEqual(["one"]);
    await host.ok(["rm", "user"]);
    expect(await host.wherry(["volume", "ls", "--filter", "bad=1"])).toMatchObject({ code: 1, stderr: "wherry: invalid filter 'bad'\n" });
    expect(await host.ok(["volume", "rm", "one", "two"])).toBe("one\ntwo");
  });

  test("what is not there is told, and does not stop the others", async () => {
    await host.ok(["volume", "create", "there"]);
    expect(await host.wherry(["volume", "rm", "missing", "there"])).toMatchObject({
      code: 1,
      stdout: "there\n",
      stderr: "wherry: get missing: no such volume\n",
    });
    expect(await host.wherry(["volume", "rm", "-f", "missing"])).toMatchObject({ code: 0, stdout: "missing\n", stderr: "" });
    expect(await host.wherry(["volume", "inspect", "missing"])).toMatchObject({ code: 1, stdout: "[]\n" });
  });

  test("a hostile name makes nothing", async () => {
    for (const name of ["../x", "..", ".hidden", "a/b", "a b", "a\nb", "-x-", "x".repeat(256), "é1", "a"]) {
      const { code, stderr } = await host.wherry(["volume", "create", "--", name]);
      expect({ name, code, told: /invalid characters|too short|at most/.test(stderr) }).toEqual({ name, code: 1, told: true });
    }
    expect(await host.wherry(["run", "--rm", "-v", "a%b:/x", "base", "true"])).toMatchObject({ code: 125 });
    expect(await names()).toEqual([]);
    expect(existsSync(`${host.root}/x`)).toBe(false);
  });

  test("its directory is root's alone, its root a container's as usual", async () => {
    await host.ok(["volume", "create", "modes"]);
    expect(statSync(`${host.root}/volumes`).mode & 0o777).toBe(0o700);
    expect(statSync(`${host.root}/volumes/modes/_data`).mode & 0o777).toBe(0o755);
    const { stdout: attributes } = spawnSync("lsattr", ["-d", `${host.root}/volumes`], { encoding: "utf8" });
    // Only ext4 has extents told as an attribute, and only there is the other one known.
    if (/^-*T?e/.test(attributes)) expect(attributes).toMatch(/^-*Te/);
    await host.ok(["volume", "rm", "modes"]);
  });
});

describe("an anonymous volume", () => {
  test("goes with --rm and with rm -v, stays otherwise and can be pruned", async () => {
    await sh("echo x > /a/f", "-v", "/a");
    expect(await names()).toEqual([]);
    await host.ok(["run", "--name", "keeps", "-v", "/a", "base", "sh", "-c", "echo x > /a/f"]);
    const [name = ""] = await names();
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    expect(await json(["volume", "inspect", name])).toMatchObject({ Labels: { "com.docker.volume.anonymous": "" } });
    await host.ok(["rm", "-v", "keeps"]);
    expect(await names()).toEqual([]);
    await host.ok(["create", "--name", "leaves", "-v", "/a", "payload", "exit"]);
    await host.ok(["rm", "leaves"]);
    expect(await names()).toHaveLength(1);
    await host.ok(["volume", "create", "named"]);
    const pruned = await host.ok(["volume", "prune", "-f"]);
    expect(pruned).toMatch(/^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: /);
    expect(await names()).toEqual(["named"]);
    expect(await host.wherry(["volume", "prune", "-a"], { stdin: "n\n" })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("WARNING! This will remove all local volumes not used by at least one container."),
    });
    expect(await names()).toEqual(["named"]);
    expect((await host.wherry(["volume", "prune", "-a"], { stdin: "y\n" })).stdout).toContain("Deleted Volumes:\nnamed\n");
  });

  test("stays when another container has it, and goes with the last", async () => {
    await host.ok(["create", "--name", "first", "-v", "/a", "payload", "exit"]);
    await host.ok(["create", "--name", "second", "--volumes-from", "first", "payload", "exit"]);
    await host.ok(["rm", "-v", "first"]);
    expect(await names()).toHaveLength(1);
    await host.ok(["rm", "-v", "second"]);
    expect(await names()).toEqual([]);
  });

  test("goes with a --rm container that has ended by itself, detached", async () => {
    const id = await host.ok(["run", "-d", "--rm", "-v", "/a", "base", "sh", "-c", "echo x > /a/f"]);
    await host.wherry(["wait", id]);
    await host.wherry(["ps", "-a"]);
    expect(await names()).toEqual([]);
    expect(readdirSync(`${host.root}/volumes`)).toEqual([]);
  });

  test("leaves nothing behind when the container is refused", async () => {
    expect(await host.wherry(["run", "-v", "/a", "--user", "nobody-knows", "base", "true"])).toMatchObject({ code: 125 });
    expect(await names()).toEqual([]);
  });
});

test("twenty containers that name the same new volume at once: it is made once, and none fails", async () => {
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) => host.wherry(["run", "--rm", "-v", "shared:/d", "base", "sh", "-c", `echo x > /d/${index}`])),
  );
  for (const { code, stderr } of results) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(await names()).toEqual(["shared"]);
  expect(readdirSync(`${host.root}/volumes/shared/_data`)).toHaveLength(20);
  // And whoever removes it while others take it into use: it is whole or it is gone.
  const mixed = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? host.wherry(["volume", "rm", "shared"]) : host.wherry(["run", "--rm", "-v", "shared:/d", "base", "touch", "/d/y"]),
    ),
  );
  for (const [index, { code, stderr }] of mixed.entries()) {
    if (index % 2 === 1) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    else if (code !== 0) expect(stderr).toMatch(/volume is in use|no such volume/);
  }
  await host.wherry(["volume", "rm", "shared"]);
  expect(readdirSync(`${host.root}/volumes`)).toEqual([]);
});

test("ten containers at once that bring the same content to a new volume: each finds it whole", async () => {
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      host.wherry([
        "run",
        "--rm",
        "-v",
        `filled:${index % 3 === 2 ? "/elsewhere" : "/etc"}`,
        "base",
        "sh",
        "-c",
        "cat /etc/passwd; ls -A /elsewhere",
      ]),
    ),
  );
  for (const [index, { code, stdout }] of results.entries()) {
    if (index % 3 !== 2) expect({ index, whole: stdout.startsWith("root:") }).toEqual({ index, whole: true });
    // Without a content of its own it finds nothing, or all.
    else
      expect({ code, part: stdout.split("\n").includes("group") === stdout.split("\n").includes("passwd") }).toEqual({
        code: 0,
        part: true,
      });
  }
  expect(readdirSync(`${host.root}/volumes/filled`)).toEqual(["_data"]);
  await host.ok(["volume", "rm", "filled"]);
});

test("what lies in a volume is none of the container's changes", async () => {
  await host.ok(["run", "--name", "changes", "-v", "apart:/d", "base", "sh", "-c", "echo x > /d/in-volume; echo y > /outside"]);
  expect((await host.ok(["diff", "changes"])).split("\n").sort()).toEqual(["A /d", "A /outside"]);
  await host.ok(["commit", "changes", "of-changes"]);
  expect(await host.ok(["run", "--rm", "of-changes", "sh", "-c", "ls /d; cat /outside"])).toBe("y");
  // It is the volume's that is copied, also while nothing runs.
  expect((await host.wherry(["cp", "changes:/d/in-volume", "-"])).stdout).toContain("in-volume");
  await host.ok(["rm", "changes"]);
  await host.ok(["rmi", "of-changes"]);
  await host.ok(["volume", "rm", "apart"]);
});
