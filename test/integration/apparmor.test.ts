import { describe, expect } from "bun:test";
import { useWherryHost } from "../support/wherry-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary", "apparmor", "apparmor-parser");

describe("AppArmor", () => {
  const host = useWherryHost("apparmor");
  const run = (options: readonly string[], script: string) => host.wherry(["run", "--rm", ...options, "base", "sh", "-c", script]);

  test("confines a container by the default profile, which is loaded when it is first needed", async () => {
    expect((await run([], "cat /proc/self/attr/current")).stdout.trim()).toBe("wherry-default (enforce)");
  });

  test("denies what acts on the host, whatever the capabilities are", async () => {
    const options = ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"];
    const script = "echo 1 > /proc/sys/vm/drop_caches; mkdir /m && mount -t tmpfs x /m; head -c 1 /proc/kcore; echo end";
    const { stdout, stderr } = await run(options, script);
    expect(stdout).toBe("end\n");
    expect(stderr.split("\n").filter((line) => /denied|permitted|read-only/i.test(line)).length).toBeGreaterThanOrEqual(3);
  });

  test("is left out when asked, and for privileged containers", async () => {
    expect((await run(["--security-opt", "apparmor=unconfined"], "cat /proc/self/attr/current")).stdout.trim()).toBe("unconfined");
    expect((await run(["--privileged"], "cat /proc/self/attr/current")).stdout.trim()).toBe("unconfined");
  });

  test("names a profile that is not loaded", async () => {
    const { code, stderr } = await run(["--security-opt", "apparmor=no-such-profile"], "true");
    expect(code).toBe(125);
    expect(stderr).toContain("no-such-profile");
  });
});
