import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { HostPath } from "../core/brands.ts";
import { loadSeccompProgram, type SeccompSource } from "./seccomp-cache.ts";

describe("loadSeccompProgram()", () => {
  let directory: HostPath;
  const source: SeccompSource = { kind: "default", capabilities: ["CAP_CHOWN", "CAP_KILL"] };
  const load = (what: SeccompSource) => loadSeccompProgram(what, { machine: "x86_64", directory });
  const files = (): string[] => readdirSync(directory);

  beforeEach(() => {
    directory = `${mkdtempSync(`${tmpdir()}/wherry-seccomp-`)}/cache` as HostPath;
  });
  afterEach(() => rmSync(directory.replace(/\/cache$/, ""), { recursive: true }));

  test("compiles once and then reads the file", async () => {
    const first = await load(source);
    const [file = ""] = files();
    expect(files()).toHaveLength(1);
    const bytes = readFileSync(`${directory}/${file}`);
    bytes.writeUInt32LE(2, 8);
    writeFileSync(`${directory}/${file}`, bytes);
    const second = await load(source);
    expect(second.program).toEqual(first.program);
    // The changed flags show that the second answer came from the file.
    expect([first.flags, second.flags]).toEqual([4, 2]);
  });

  test("tells profiles, capabilities and kinds apart, but not the order of capabilities", async () => {
    await load(source);
    await load({ kind: "default", capabilities: ["CAP_KILL", "CAP_CHOWN"] });
    expect(files()).toHaveLength(1);
    await load({ kind: "default", capabilities: ["CAP_KILL"] });
    await load({ kind: "oci", profile: { defaultAction: "SCMP_ACT_ALLOW" } });
    await load({ kind: "docker", json: '{"defaultAction":"SCMP_ACT_ALLOW"}', capabilities: [], kernelRelease: "6.1" });
    expect(files()).toHaveLength(4);
  });

  test("compiles again when the file is damaged", async () => {
    const { program } = await load(source);
    const [file = ""] = files();
    for (const damaged of ["", "WHRYBPF1", readFileSync(`${directory}/${file}`).subarray(0, -3)]) {
      writeFileSync(`${directory}/${file}`, damaged);
      expect((await load(source)).program).toEqual(program);
    }
  });

  test("works without a cache that can be written", async () => {
    const nowhere = "/proc/nowhere" as HostPath;
    expect((await loadSeccompProgram(source, { machine: "x86_64", directory: nowhere })).program.length).toBeGreaterThan(1000);
  });
});
