// A container of a bundle that is like an earlier one but for its id uses that one's plan, and is told apart from it in all the rest.
import { describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { randomHex } from "../../src/core/random.ts";
import { type MutableConfig, useOciHost } from "../support/oci-host.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary", "payload", "python3");
const host = useOciHost("oci-memory");
const { oci, ok, left } = { oci: host.oci.bind(host), ok: host.ok.bind(host), left: host.left.bind(host) };

const newId = (): string => `a${randomHex(32).slice(1)}`;

function change(bundle: string, how: (config: MutableConfig) => void): void {
  const path = `${bundle}/config.json`;
  const config = JSON.parse(readFileSync(path, "utf8")) as MutableConfig;
  how(config);
  writeFileSync(path, JSON.stringify(config));
}

describe("a container that is like an earlier one", () => {
  test("has its own name, files and control group", async () => {
    const bundle = host.bundle(["/payload", "identity"]);
    for (let turn = 0; turn < 3; turn++) {
      const id = newId();
      change(bundle, (config) => {
        config.hostname = id.slice(0, 12);
        config.linux.cgroupsPath = `${host.group}/${id}`;
      });
      const identity = JSON.parse(await ok(["run", "-b", bundle, id])) as { readonly hostname: string };
      expect(identity.hostname).toBe(id.slice(0, 12));
      expect(existsSync(`${host.root}/${id}`)).toBe(false);
    }
  });

  test("waits, starts and is entered like it", async () => {
    const bundle = host.bundle(["/payload", "sleep"]);
    for (let turn = 0; turn < 2; turn++) {
      const id = newId();
      await left(["create", "-b", bundle, id]);
      const { pid } = await host.state(id);
      expect(readFileSync(`/proc/${String(pid)}/cgroup`, "utf8")).toContain(host.group);
      await ok(["start", id]);
      for (const code of [3, 3, 4]) expect(await oci(["exec", id, "/payload", "exit", String(code)])).toMatchObject({ code });
      await ok(["delete", "--force", id]);
    }
  });

  test("fails with the same words, in create and in start", async () => {
    const missing = host.bundle(["/nosuch"]);
    const unusable = host.bundle(["/etc/text"]);
    writeFileSync(`${unusable}/rootfs/etc/text`, "text");
    chmodSync(`${unusable}/rootfs/etc/text`, 0o755);
    for (let turn = 0; turn < 2; turn++) {
      const created = await host.leave(["create", "-b", missing, newId()]);
      expect(created).toMatchObject({ code: 1, output: expect.stringContaining('/nosuch\\": no such file or directory') });
      const id = newId();
      await left(["create", "-b", unusable, id]);
      expect(await oci(["start", id])).toMatchObject({ code: 1, stderr: expect.stringContaining("exec format error") });
      await ok(["delete", id]);
    }
  });

  test("uses its plan, though mounts, variables and annotations are in another order", () => {
    const bundle = host.bundle(["/payload", "identity"], (config) => {
      const files = ["hosts", "hostname", "resolv.conf"].map((name) => ({
        destination: `/etc/${name}`,
        type: "bind",
        source: "/etc/hosts",
        options: ["bind"],
      }));
      config.mounts = [...(config.mounts ?? []), ...files];
      config.process.env = ["B=1", "A=2", "PATH=/bin"];
    });
    // A memory of its own, in which nobody else leaves a plan.
    const command = `mount -t tmpfs none /run/wherry-plans && ${host.runtime} --root ${host.root} run -b ${bundle} ${newId()} >&2 && ls /run/wherry-plans | wc -l`;
    const shuffle = `${process.execPath} -e '${[
      `const fs = require("node:fs"), path = "${bundle}/config.json", config = JSON.parse(fs.readFileSync(path))`,
      "config.mounts.push(...config.mounts.splice(-3).reverse())",
      "config.process.env.reverse()",
      'config.annotations = { time: "later" }',
      "fs.writeFileSync(path, JSON.stringify(config))",
    ].join("; ")}'`;
    change(bundle, (config) => void (config.annotations = { time: "now" }));
    const again = command.slice(command.indexOf("&&") + 3).replace(/a[0-9a-f]{63}/, newId());
    const result = spawnSync("unshare", ["--mount", "sh", "-c", `${command} && ${shuffle} && ${again}`], { encoding: "utf8" });
    expect({ stdout: result.stdout, status: result.status }).toEqual({ stdout: "2\n2\n", status: 0 });
    // The order that it was given is the program's all the same.
    const environments = [...result.stderr.matchAll(/"env":(\[[^\]]*\])/g)].map(([, list = ""]) => JSON.parse(list) as unknown);
    expect(environments).toEqual([
      ["B=1", "A=2", "PATH=/bin"],
      ["PATH=/bin", "A=2", "B=1"],
    ]);
  });

  test("uses its plan, though its console's socket is called otherwise", () => {
    const bundle = host.bundle(["/payload", "sleep"], (config) => void (config.process.terminal = true));
    const receive = `import socket, sys
listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen(1); print("listening", flush=True)
listener.accept()[0].recvmsg(100, socket.CMSG_LEN(4))`;
    const runtime = `${host.runtime} --root ${host.root}`;
    const create = (socket: string, id: string) =>
      `{ python3 -c '${receive}' ${socket} & } | { read line; ${runtime} create --console-socket ${socket} -b ${bundle} ${id}; }; ls ${host.root}/${id} | grep -c console; ${runtime} delete --force ${id}; ls /run/wherry-plans | wc -l`;
    // Of 64 digits, it would make the path longer than a socket's may be here.
    const shortId = () => `a${randomUUID().slice(1)}`;
    const script = `mount -t tmpfs none /run/wherry-plans; ${create(`${host.directory}/c1`, shortId())}; ${create(`${host.directory}/console-2`, shortId())}`;
    const result = spawnSync("unshare", ["--mount", "sh", "-c", script], { encoding: "utf8" });
    expect({ stdout: result.stdout, stderr: result.stderr }).toEqual({ stdout: "0\n2\n0\n2\n", stderr: "" });
  });

  test("but for one word is checked and compiled anew", async () => {
    const bundle = host.bundle(["/payload", "exit", "5"]);
    const run = () => oci(["run", "-b", bundle, newId()]);
    expect(await run()).toMatchObject({ code: 5 });
    change(bundle, ({ process }) => {
      process.args = ["/payload", "exit", "6"];
    });
    expect(await run()).toMatchObject({ code: 6 });
    change(bundle, ({ process }) => {
      process.cwd = 7 as unknown as string;
    });
    for (let turn = 0; turn < 2; turn++) expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining("`process.cwd`") });
  });
});
