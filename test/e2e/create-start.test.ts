// `create`, `start`, `restart`, `rename`: a container between its runs.
import { describe, expect } from "bun:test";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("create-start", { payload: true });

const show = (reference: string, format: string) => host.ok(["inspect", "--format", format, reference]);

describe("create", () => {
  test("prints the full id and starts nothing", async () => {
    const id = await host.ok(["create", "--name", "new", "base", "echo", "hi"]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await show("new", "{{.Id}} {{.State.Status}} {{.State.Pid}} {{.State.ExitCode}} {{.State.StartedAt}}")).toBe(
      `${id} created 0 0 0001-01-01T00:00:00Z`,
    );
    expect(await host.ok(["logs", "new"])).toBe("");
    expect(await host.ok(["start", "-a", "new"])).toBe("hi");
    await host.ok(["rm", "new"]);
  });
  test("refuses what run refuses, with nothing left", async () => {
    for (const args of [
      ["--pull", "never", "nosuchimage"],
      ["--memory", "1k", "base"],
      ["--cap-add", "FLY", "base"],
      ["-u", "nobodyhere", "base", "true"],
      ["--mount", "type=bind,src=/no/such,dst=/x", "base", "true"],
    ]) {
      const result = await host.wherry(["create", ...args]);
      expect(result).toMatchObject({ code: expect.any(Number), stdout: "" });
      expect(result.code).not.toBe(0);
    }
    expect(await host.ok(["ps", "-aq"])).toBe("");
  });
});

describe("start", () => {
  test("prints what it was given, by name or by part of the id; one that runs is fine", async () => {
    const id = await host.ok(["create", "--name", "one", "payload", "sleep"]);
    expect(await host.ok(["start", "one"])).toBe("one");
    expect(await host.ok(["start", id.slice(0, 7)])).toBe(id.slice(0, 7));
    await host.ok(["rm", "-f", "one"]);
  });
  test("of several: goes on after one that fails, and tells", async () => {
    for (const name of ["first", "third"]) await host.ok(["create", "--name", name, "payload", "sleep"]);
    await host.ok(["create", "--name", "second", "base", "nosuch"]);
    const result = await host.wherry(["start", "first", "second", "missing", "third"]);
    expect(result).toMatchObject({ code: 1, stdout: "first\nthird\n" });
    expect(result.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
    expect(result.stderr).toContain("No such container: missing");
    expect(await show("second", "{{.State.ExitCode}}")).toBe("127");
    await host.ok(["rm", "-f", "first", "second", "third"]);
  });
  test("-a shows the output and passes the exit code on; -i passes input", async () => {
    await host.ok(["create", "--name", "attached", "base", "sh", "-c", "echo out; echo err >&2; exit 5"]);
    expect(await host.wherry(["start", "-a", "attached"])).toMatchObject({ code: 5, stdout: "out\n", stderr: "err\n" });
    await host.ok(["create", "-i", "--name", "fed", "payload", "copy"]);
    expect(await host.wherry(["start", "-ai", "fed"], { stdin: "food" })).toMatchObject({ code: 0, stdout: "food" });
    // As docker: with -i at creation only.
    expect(await host.wherry(["start", "-ai", "attached"], { stdin: "food" })).toMatchObject({ code: 5 });
    expect(await host.wherry(["start", "-a", "attached", "fed"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot start and attach multiple containers at once"),
    });
    await host.ok(["rm", "attached", "fed"]);
  });
  test("of a container with --rm removes it at its end", async () => {
    await host.ok(["create", "--rm", "--name", "once", "base", "true"]);
    await host.ok(["start", "-a", "once"]);
    expect((await host.wherry(["inspect", "once"])).code).toBe(1);
  });
  test("after a failed start may succeed, and the error is forgotten", async () => {
    await host.ok(["create", "--name", "later", "-v", `${host.directory}/later:/later`, "base", "/later/program"]);
    expect((await host.wherry(["start", "later"])).code).toBe(1);
    expect(await show("later", "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}")).toMatch(/^created 127 .*\/later\/program/);
    await Bun.write(`${host.directory}/later/program`, "#!/bin/sh\necho now\n");
    expect(await host.wherry(["start", "-a", "later"])).toMatchObject({ code: 1, stderr: expect.stringContaining("permission denied") });
    expect(await show("later", "{{.State.ExitCode}}")).toBe("126");
    await new Response(Bun.spawn(["chmod", "+x", `${host.directory}/later/program`]).stdout).text();
    expect(await host.ok(["start", "-a", "later"])).toBe("now");
    expect(await show("later", "{{.State.Status}} {{.State.ExitCode}} [{{.State.Error}}]")).toBe("exited 0 []");
    await host.ok(["rm", "later"]);
  });
});

describe("an exited container", () => {
  test("keeps its files, and its memory is gone", async () => {
    const script =
      "n=$(cat /n 2>/dev/null || echo 0); echo $((n+1)) > /n; echo run $((n+1)); ls /dev/shm /run/t | grep -c x; touch /dev/shm/x /run/t/x; exec sleep 1000";
    const id = await host.ok(["run", "-d", "--name", "again", "--tmpfs", "/run/t", "base", "sh", "-c", script]);
    const runs = (count: number) => poll(`run ${count}`, async () => (await host.ok(["logs", id])).split("\n").length >= 2 * count);
    await runs(1);
    await host.ok(["stop", "-t", "0", id]);
    await host.ok(["start", id]);
    await runs(2);
    await host.ok(["restart", "-t", "0", id]);
    await runs(3);
    expect(await host.ok(["logs", id])).toBe("run 1\n0\nrun 2\n0\nrun 3\n0");
    await host.ok(["rm", "-f", id]);
  });
  test("tells when it ran and how it ended", async () => {
    await host.wherry(["run", "--name", "told", "payload", "exit", "9"]);
    const [started = "", finished = "", rest] = (
      await show("told", "{{.State.StartedAt}} {{.State.FinishedAt}} {{.State.ExitCode}}-{{.State.Running}}-{{.State.OOMKilled}}")
    ).split(" ");
    expect(rest).toBe("9-false-false");
    expect(Date.parse(started)).toBeLessThanOrEqual(Date.parse(finished));
    expect(Math.abs(Date.now() - Date.parse(finished))).toBeLessThan(60_000);
    await host.ok(["rm", "told"]);
  });
});

describe("restart", () => {
  test("starts a new process, of a stopped container too", async () => {
    await host.ok(["run", "-d", "--name", "fresh", "payload", "sleep"]);
    const before = await show("fresh", "{{.State.Pid}}");
    expect(await host.ok(["restart", "-t", "0", "fresh"])).toBe("fresh");
    expect(await show("fresh", "{{.State.Pid}}")).not.toBe(before);
    await host.ok(["kill", "fresh"]);
    await host.ok(["wait", "fresh"]);
    await host.ok(["restart", "fresh"]);
    expect(await show("fresh", "{{.State.Running}}")).toBe("true");
    await host.ok(["rm", "-f", "fresh"]);
  });
});

describe("rename", () => {
  test("gives a new name; taken and invalid ones are refused", async () => {
    await host.ok(["create", "--name", "old", "base"]);
    await host.ok(["create", "--name", "other", "base"]);
    await host.ok(["rename", "old", "young"]);
    expect((await host.wherry(["inspect", "old"])).code).toBe(1);
    expect(await show("young", "{{.Name}}")).toBe("/young");
    expect(await host.wherry(["rename", "young", "other"])).toMatchObject({ code: 1, stderr: expect.stringContaining("already in use") });
    expect((await host.wherry(["rename", "young", "a b"])).code).toBe(1);
    expect((await host.wherry(["rename", "missing", "x1"])).stderr).toContain("No such container: missing");
    await host.ok(["rm", "young", "other"]);
  });
});
