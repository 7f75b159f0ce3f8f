// buildah's RUN steps with Wherry as the runtime.
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { makeImageArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { makeTestDirectory, wherryProgram } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "payload", "busybox", "buildah");
const isThere = test === bunTest;
let directory = "";
const roots = () => ["--root", `${directory}/root`, "--runroot", `${directory}/run`];

beforeAll(() => {
  if (!isThere) return;
  directory = makeTestDirectory("oci-buildah");
  symlinkSync(wherryProgram, `${directory}/wherry-runc`);
  makeImageArchive(directory);
});

afterAll(() => {
  if (!isThere) return;
  run("buildah", ...roots(), "rm", "--all");
  run("buildah", ...roots(), "rmi", "--all", "--force");
  run("sh", "-c", `umount ${directory}/root/overlay || true`);
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

test("a Dockerfile's RUN steps are run, and a failing one ends the build", async () => {
  const build = (steps: readonly string[]) => {
    writeFileSync(`${directory}/Dockerfile`, ["FROM scratch", "ADD image.tar /", ...steps].join("\n"));
    const flags = ["--isolation", "oci", "--runtime", `${directory}/wherry-runc`, "--network", "none", "--tag", "built"];
    return new RunningProgram("buildah", [...roots(), "build", ...flags, directory]).done;
  };
  const good = await build(["RUN echo made > /made && cat /made", 'RUN ["/payload", "exit", "0"]', "USER 1000", "RUN id -u"]);
  expect(good.code).toBe(0);
  expect(good.stdout).toMatch(/^made$[^]*^1000$/m);
  const bad = await build(["RUN exit 7"]);
  expect(bad.code).not.toBe(0);
  expect(bad.stderr).toContain("7");
}, 60_000);
