// What a start remembers of an earlier one is nothing of that container, and of no other options.
import { describe, expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("plan-cache");
const remembered = () => readdirSync(`${host.runRoot}/plans`);

describe("a start that is like an earlier one", () => {
  test("is told apart from it in name, files, control group and time", async () => {
    await host.ok(["run", "--rm", "base", "true"]); // makes the image
    const script = "hostname; cat /etc/hostname; cut -d. -f1 /proc/uptime; tail -n 1 /proc/self/cgroup; grep ' / ' /proc/mounts";
    const start = async () => {
      const id = await host.ok(["run", "-d", "base", "sh", "-c", script]);
      await host.ok(["wait", id]);
      const [name, hosts, uptime, ...rest] = (await host.ok(["logs", id])).split("\n");
      expect([name, hosts]).toEqual([id.slice(0, 12), id.slice(0, 12)]);
      expect(Number(uptime)).toBeLessThan(60);
      expect(await host.ok(["diff", id])).toBe("");
      await host.ok(["rm", id]);
      return rest.join("\n").replaceAll(id, "ID");
    };
    rmSync(`${host.runRoot}/plans`, { recursive: true });
    const first = await start();
    expect(remembered()).toHaveLength(1);
    expect(await start()).toBe(first);
    expect(remembered()).toHaveLength(1);
  });

  test("fails with the same words", async () => {
    const failing = ["run", "--rm", "base", "nosuch"];
    const first = await host.wherry(failing);
    expect(first).toMatchObject({ code: 127, stderr: expect.stringContaining("nosuch") });
    const count = remembered().length;
    expect(await host.wherry(failing)).toEqual(first);
    expect(remembered()).toHaveLength(count);
  });

  test("but for one option is another", async () => {
    const seen: string[] = [];
    for (const options of [
      [],
      ["--hostname", "h1"],
      ["--cap-drop", "ALL"],
      ["-e", "A=1"],
      ["--memory", "32m"],
      ["-v", "/tmp:/mnt"],
      ["--timens", "host"],
    ]) {
      await host.ok(["run", "--rm", ...options, "base", "true"]);
      seen.push(...remembered().filter((name) => !seen.includes(name)));
    }
    expect(seen.length).toBeGreaterThanOrEqual(6);
  });
});
