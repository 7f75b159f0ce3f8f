// `process.apparmorProfile` as engines give it: a profile that they have loaded themselves.
import { afterAll, beforeAll, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { useOciHost } from "../support/oci-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "apparmor", "apparmor-parser", "binary", "payload");
const host = useOciHost("oci-apparmor");

/** Reads everything, but may not make a file in /tmp. */
const profile = `profile wherry-test-given flags=(attach_disconnected) {
  file,
  capability,
  signal,
  network,
  deny /tmp/** w,
}
`;

/** `-r` loads or replaces it, `-R` removes it. */
function parse(option: "-r" | "-R"): void {
  const { status, stderr } = spawnSync("apparmor_parser", [option, "--skip-cache"], { input: profile, encoding: "utf8" });
  if (status !== 0) throw new Error(`apparmor_parser ${option}: ${stderr}`);
}

let loaded = false;
beforeAll(() => {
  if (spawnSync("apparmor_parser", ["--version"]).status !== 0 || spawnSync("test", ["-d", "/sys/kernel/security/apparmor"]).status !== 0)
    return;
  parse("-r");
  loaded = true;
});
afterAll(() => {
  if (loaded) parse("-R");
});

const current = ["try", "read", "/proc/self/attr/current"];
const confined = "wherry-test-given (enforce)\nok";
const bundleOf = (name: string, ...words: readonly string[]): string =>
  host.bundle(["/payload", ...words], ({ process }) => {
    Object.assign(process, { apparmorProfile: name });
  });

test("a container and what is executed in it run under the profile that its engine names", async () => {
  expect((await host.ok(["run", "-b", bundleOf("wherry-test-given", ...current), "named"])).trim()).toBe(confined);
  const denied = await host.oci(["run", "-b", bundleOf("wherry-test-given", "try", "create", "/tmp/file"), "denied"]);
  expect(denied).toMatchObject({ code: 1, stdout: "EACCES\n" });
  await host.left(["run", "-d", "-b", bundleOf("wherry-test-given", "sleep"), "entered"]);
  expect((await host.ok(["exec", "entered", "/payload", ...current])).trim()).toBe(confined);
  await host.left(["run", "-d", "-b", bundleOf("unconfined", "sleep"), "free"]);
  expect((await host.ok(["exec", "free", "/payload", ...current])).trim()).toBe("unconfined\nok");
  expect((await host.ok(["exec", "--apparmor", "wherry-test-given", "free", "/payload", ...current])).trim()).toBe(confined);
});

test("a profile that is not loaded is an error that names it", async () => {
  const result = await host.oci(["run", "-b", bundleOf("wherry-test-nosuch", ...current), "unknown"]);
  expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("wherry-test-nosuch") });
});
