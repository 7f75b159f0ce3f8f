// `--cidfile`: the id of what was made, nothing when nothing was made.
import { describe, expect } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("cidfile", { payload: true });

describe("--cidfile", () => {
  const path = `/tmp/wherry-cidfile-${process.pid}`;

  test("holds the id of a container that ran, and refuses to be used again", async () => {
    await host.ok(["run", "--cidfile", path, "--name", "ran", "payload", "sum"]);
    expect(readFileSync(path, "utf8")).toBe(await host.ok(["inspect", "--format", "{{.Id}}", "ran"]));
    const again = await host.wherry(["run", "--cidfile", path, "payload", "sum"]);
    expect(again).toMatchObject({ code: 125, stderr: expect.stringContaining("container ID file found") });
    rmSync(path);
    await host.ok(["rm", "ran"]);
  });

  test("holds the id of one that was made but could not start", async () => {
    expect((await host.wherry(["run", "--cidfile", path, "--name", "unstarted", "--entrypoint", "/nosuch", "payload"])).code).toBe(127);
    expect(readFileSync(path, "utf8")).toBe(await host.ok(["inspect", "--format", "{{.Id}}", "unstarted"]));
    rmSync(path);
    await host.ok(["rm", "unstarted"]);
  });

  test.each([
    [["run", "--rm", "--entrypoint", "/nosuch", "payload"], 127],
    [["run", "--pull", "never", "nosuchimage"], 125],
    [["run", "-u", "nobodyx", "payload", "sum"], 125],
    [["create", "--pull", "never", "nosuchimage"], 1],
  ])("is gone when nothing is left: %p", async ([verb = "", ...args], code) => {
    expect((await host.wherry([verb, "--cidfile", path, ...args])).code).toBe(code);
    expect(existsSync(path)).toBe(false);
  });
});
