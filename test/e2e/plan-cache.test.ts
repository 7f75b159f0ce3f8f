// What a start remembers of an earlier one is nothing of that container, and of no other options.
import { describe, expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("plan-cache");
const remembered = () => readdirSync(`${host.runRoot}/plans`);

const shortIdOf = async (name: string): Promise<string> => (await host.ok(["inspect", "--format", "{{.Id}}", name])).slice(0, 12);

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

  test("is told apart from it by the accounts of its image and its own", async () => {
    const who = ["-u", "someone", "base", "sh", "-c", "id -u; id -G"];
    const accounts = (uid: number): string =>
      `echo someone:x:${uid}:${uid + 1}::/:/bin/sh >>/etc/passwd; echo others:x:${uid + 2}:someone >>/etc/group`;
    for (const uid of [1200, 1300]) {
      await host.ok(["run", "--name", "accounts", "base", "sh", "-c", accounts(uid)]);
      await host.ok(["commit", "accounts", "accounts"]);
      await host.ok(["rm", "accounts"]);
      const run = () => host.ok(["run", "--rm", ...who.map((word) => (word === "base" ? "accounts" : word))]);
      expect(await run()).toBe(`${uid}\n${uid + 1} ${uid + 2}`);
      expect(await run()).toBe(`${uid}\n${uid + 1} ${uid + 2}`);
    }
    // The container itself makes its user another.
    const change = "id -u; sed -i 's/^someone:x:1300/someone:x:1400/' /etc/passwd";
    await host.ok(["run", "--name", "own", "-u", "someone", "--cap-add", "ALL", "accounts", "sh", "-c", "id -u"]);
    expect(await host.ok(["start", "-a", "own"])).toBe("1300");
    await host.ok(["rm", "own"]);
    await host.ok(["create", "--name", "own", "accounts", "sh", "-c", change]);
    await host.ok(["start", "-a", "own"]);
    await host.ok(["commit", "own", "changed"]);
    expect(await host.ok(["run", "--rm", "-u", "someone", "changed", "id", "-u"])).toBe("1400");
    await host.ok(["rm", "own"]);
  });

  test("in a running container is told apart by container, user, words and files", async () => {
    const shell = (...words: readonly string[]) => ["sh", "-c", words.join("; ")];
    for (const name of ["first", "second"]) {
      await host.ok(["run", "-d", "--name", name, "-e", `WHO=${name}`, "base", "sleep", "1000"]);
      for (let turn = 0; turn < 2; turn++) {
        expect(await host.ok(["exec", name, ...shell("hostname", "echo $WHO")])).toBe(`${await shortIdOf(name)}\n${name}`);
        expect(await host.ok(["exec", "-u", "7:8", name, ...shell("id -u", "id -g")])).toBe("7\n8");
        expect(await host.ok(["exec", "-w", "/tmp", "-e", "WHO=me", name, ...shell("pwd", "echo $WHO")])).toBe("/tmp\nme");
        const failed = await host.wherry(["exec", name, "nosuch"]);
        expect(failed).toMatchObject({ code: 127, stderr: expect.stringContaining("nosuch") });
      }
      for (const uid of [1500, 1600]) {
        await host.ok(["exec", name, ...shell(`echo it:x:${uid}:${uid}::/:/bin/sh >/etc/passwd`)]);
        expect(await host.ok(["exec", "-u", "it", name, "id", "-u"])).toBe(String(uid));
      }
      await host.ok(["rm", "-f", name]);
    }
  });

  test("but for one option is another", async () => {
    await host.ok(["run", "--rm", "base", "true"]);
    for (const options of [
      ["--hostname", "h1"],
      ["--cap-drop", "ALL"],
      ["-e", "A=1"],
      ["--memory", "32m"],
      ["-v", "/tmp:/mnt"],
      ["--init"],
      ["--read-only"],
      ["--ulimit", "nofile=100"],
      ["-i"],
      ["--timens", "host"],
    ]) {
      const known = remembered();
      await host.ok(["run", "--rm", ...options, "base", "true"]);
      expect({ options, added: remembered().length - known.length }).toEqual({ options, added: 1 });
      await host.ok(["run", "--rm", ...options, "base", "true"]);
      expect({ options, added: remembered().length - known.length }).toEqual({ options, added: 1 });
    }
  });
});
