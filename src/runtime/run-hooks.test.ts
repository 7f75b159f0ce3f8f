import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostPath } from "../core/brands.ts";
import type { OciHook } from "../plan/oci-config.ts";
import { runHooks } from "./run-hooks.ts";

const bundle = mkdtempSync(join(tmpdir(), "wherry-hooks-"));
afterAll(() => rmSync(bundle, { recursive: true }));

const identity = { id: "c1", bundle: bundle as HostPath };
const shell = (script: string, more: Partial<OciHook> = {}): OciHook => ({ path: "/bin/sh", args: ["sh", "-c", script], ...more });

describe("runHooks()", () => {
  test("gives each hook the state, its arguments, its environment and nothing else", async () => {
    const poststart = [
      shell("cat > state; env > env; echo $0 > argument", {
        args: ["sh", "-c", "cat > state; env > env; echo $0 > argument", "zero"],
        env: ["A=b=c"],
      }),
    ];
    expect(await runHooks({ ociVersion: "1.2.0", hooks: { poststart } }, identity, { kind: "poststart", pid: 42 })).toEqual([]);
    const read = (name: string): string => readFileSync(join(bundle, name), "utf8");
    expect(JSON.parse(read("state"))).toEqual({ ociVersion: "1.2.0", id: "c1", status: "running", pid: 42, bundle });
    expect(
      read("env")
        .split("\n")
        .filter((line) => !/^(PWD|_|SHLVL)=/.test(line) && line !== ""),
    ).toEqual(["A=b=c"]);
    expect(read("argument")).toBe("zero\n");
  });

  test("goes on after a failure and tells it, and a stopped container has no pid", async () => {
    const poststop = [shell("echo sorry >&2; exit 4"), { path: "/nonexistent" }, shell("cat > after")];
    const failures = await runHooks({ ociVersion: "1.2.0", hooks: { poststop } }, identity, { kind: "poststop" });
    expect(failures).toHaveLength(2);
    expect(failures[0]).toBe("run the poststop hook `/bin/sh`: it exited with status 4: sorry");
    expect(failures[1]).toContain("`/nonexistent`");
    expect(JSON.parse(readFileSync(join(bundle, "after"), "utf8"))).toEqual({ ociVersion: "1.2.0", id: "c1", status: "stopped", bundle });
  });

  test("ends a hook whose time is over", async () => {
    const failures = await runHooks({ ociVersion: "1.2.0", hooks: { poststop: [shell("sleep 100", { timeout: 1 })] } }, identity, {
      kind: "poststop",
    });
    expect(failures).toEqual(["run the poststop hook `/bin/sh`: ended after 1000 ms"]);
  });
});
