// `--mount` of every type, `--volumes-from`, subpaths and id mappings: what appears inside, what is refused, and that nothing leads outside.
import { describe, expect } from "bun:test";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "payload", "busybox");
const host = useWherryHost("mounts", { payload: true });

const sh = (script: string, ...flags: string[]): Promise<string> => host.ok(["run", "--rm", ...flags, "base", "sh", "-c", script]);
const refused = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await host.wherry(["run", "--rm", ...args, "base", "true"]);
  expect(code).toBe(125);
  return stderr;
};
const data = (name: string): string => `${host.root}/volumes/${name}/_data`;

describe("--mount", () => {
  test("volume: read-only, labelled, with driver options, nocopy", async () => {
    await sh("echo x > /d/f", "--mount", "source=mv,target=/d,volume-label=a=b");
    expect(await host.ok(["volume", "inspect", "-f", "{{.Labels.a}}", "mv"])).toBe("b");
    expect(await sh("cat /d/f; touch /d/g 2>&1 || true", "--mount", "type=volume,source=mv,target=/d,readonly")).toContain("Read-only");
    expect(await sh("ls -A /etc", "--mount", "type=volume,target=/etc,volume-nocopy")).not.toContain("passwd");
    expect(
      await sh("mount | grep ' /d '", "--mount", 'target=/d,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=1m,mode=700"'),
    ).toMatch(/^tmpfs on \/d type tmpfs \(.*size=1024k,mode=700/);
    const elsewhere = `${host.directory}/elsewhere`;
    mkdirSync(elsewhere);
    await sh("echo y > /d/f", "--mount", `target=/d,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=${elsewhere}`);
    expect(readFileSync(`${elsewhere}/f`, "utf8")).toBe("y\n");
  });

  test("tmpfs: size and mode", async () => {
    expect(await sh("mount | grep ' /t '", "--mount", "type=tmpfs,target=/t,tmpfs-size=2m,tmpfs-mode=0700")).toMatch(/size=2048k,mode=700/);
  });

  test("image: its layers, read-only; in a user namespace too", async () => {
    await host.ok([
      "run",
      "--name",
      "maker",
      "base",
      "sh",
      "-c",
      "mkdir /made; echo in-image > /made/file; rm -r /srv; ln -s /etc /made/etc",
    ]);
    await host.ok(["commit", "maker", "made"]);
    await host.ok(["rm", "maker"]);
    for (const more of [[], ["--userns", "auto"]]) {
      expect(
        await sh(
          "cat /i/made/file; test -e /i/srv || echo no srv; stat -c %u /i/made; touch /i/x 2>&1 || true",
          ...more,
          "--mount",
          "type=image,source=made,target=/i",
        ),
      ).toMatch(/^in-image\nno srv\n0\n.*Read-only file system/);
    }
    // One layer alone, which is no overlay.
    expect(await sh("ls /i/bin/sh; touch /i/x 2>&1 || true", "--mount", "type=image,source=base,target=/i")).toMatch(
      /^\/i\/bin\/sh\n.*Read-only/,
    );
  });

  test("image: stays while a container has it, even if it is removed by force", async () => {
    await host.ok(["run", "--name", "maker", "base", "sh", "-c", "echo held > /held"]);
    await host.ok(["commit", "maker", "held"]);
    await host.ok(["rm", "maker"]);
    await host.ok(["create", "--name", "holder", "--mount", "type=image,source=held,target=/i", "base", "cat", "/i/held"]);
    expect(await host.wherry(["rmi", "held"])).toMatchObject({ code: 1, stderr: expect.stringContaining("container") });
    await host.ok(["rmi", "-f", "held"]);
    expect(await host.ok(["start", "-a", "holder"])).toBe("held");
    await host.ok(["rm", "holder"]);
  });

  test("image: one that is not there makes no container", async () => {
    expect(await refused("--mount", "type=image,source=nowhere,target=/i")).toContain("No such image: nowhere");
    expect(await host.ok(["ps", "-aq"])).toBe("");
  });

  test("two for one place are refused", async () => {
    for (const pair of [
      ["-v", "/tmp:/x", "-v", "v1:/x"],
      ["-v", "/tmp:/x", "--mount", "type=tmpfs,target=/x/"],
      ["--tmpfs", "/x", "-v", "v1:/y/../x"],
    ])
      expect(await refused(...pair)).toBe("wherry: Duplicate mount point: /x\n");
    expect(existsSync(`${host.root}/volumes/v1`)).toBe(false);
  });
});

describe("--volumes-from", () => {
  test("brings binds and volumes of a container that need not run, read-only if asked", async () => {
    const bound = `${host.directory}/bound`;
    mkdirSync(bound);
    writeFileSync(`${bound}/b`, "bound");
    await host.ok(["create", "--name", "giver", "-v", `${bound}:/b:ro`, "-v", "given:/v", "-v", "/a", "--tmpfs", "/t", "base", "true"]);
    await sh("echo one > /v/one; echo two > /a/two", "--volumes-from", "giver");
    expect(await sh("cat /v/one /a/two /b/b; test -e /t || echo no t; touch /v/x 2>&1 || true", "--volumes-from", "giver:ro")).toMatch(
      /^one\ntwo\nboundno t\n.*Read-only/,
    );
    // One's own come first.
    expect(await sh("ls /v", "--volumes-from", "giver", "--tmpfs", "/v")).toBe("");
    expect(await refused("--volumes-from", "nobody")).toBe("wherry: No such container: nobody\n");
    expect(await refused("--volumes-from", "giver:zz:")).toContain("invalid mode");
    await host.ok(["rm", "-v", "giver"]);
    await host.ok(["volume", "rm", "given"]);
    expect(await host.ok(["volume", "ls", "-q"])).not.toMatch(/[0-9a-f]{64}/);
  });
});

describe("a subpath", () => {
  const outside = (): string => `${host.directory}/outside`;
  const read = (subpath: string, file = "/m/marker") =>
    host.wherry(["run", "--rm", "--mount", `source=sub,target=/m,volume-subpath=${subpath}`, "base", "cat", file]);

  test("is mounted in place of the volume; links may lead within it", async () => {
    await sh("mkdir -p /d/a/b; echo inside > /d/a/b/marker; ln -s a/b /d/rel; ln -s marker /d/a/b/alias", "-v", "sub:/d");
    expect(await read("a/b")).toMatchObject({ stdout: "inside\n" });
    expect(await read("rel")).toMatchObject({ stdout: "inside\n" });
    expect(await read("a/b/marker", "/m")).toMatchObject({ stdout: "inside\n" });
    expect(await read("missing")).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/find the subpath `missing` in `.*` without leaving it: no such file or directory/),
    });
  });

  test("never leads out of the volume by a link, absolute or upwards", async () => {
    mkdirSync(outside(), { recursive: true });
    writeFileSync(`${outside()}/marker`, "outside\n");
    symlinkSync(outside(), `${data("sub")}/absolute`);
    symlinkSync(`../../../../${outside().split("/").at(-1)}`, `${data("sub")}/upwards`);
    for (const name of ["absolute", "upwards", "absolute/marker", "a/../../..", "upwards/marker"]) {
      const { code, stdout } = await read(name);
      expect({ name, code, stdout }).toEqual({ name, code: 125, stdout: "" });
    }
  });

  test("that is swapped for a link while the container starts is found inside or not at all", async () => {
    mkdirSync(`${data("sub")}/swapped`, { recursive: true });
    writeFileSync(`${data("sub")}/swapped/marker`, "inside\n");
    symlinkSync(outside(), `${data("sub")}/trap`);
    let stop = false;
    let swaps = 0;
    const swap = async () => {
      while (!stop) {
        for (let turn = 0; turn < 50; turn++, swaps++) {
          renameSync(`${data("sub")}/swapped`, `${data("sub")}/away`);
          renameSync(`${data("sub")}/trap`, `${data("sub")}/swapped`);
          renameSync(`${data("sub")}/swapped`, `${data("sub")}/trap`);
          renameSync(`${data("sub")}/away`, `${data("sub")}/swapped`);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const swapping = swap();
    const outcomes = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const { stdout, stderr } = await read("swapped");
      outcomes.add(stdout === "" ? (/without leaving it|no such file/i.exec(stderr)?.[0] ?? stderr) : stdout);
    }
    stop = true;
    await swapping;
    expect(swaps).toBeGreaterThan(100);
    expect([...outcomes].filter((text) => text.includes("outside"))).toEqual([]);
    await host.ok(["volume", "rm", "sub"]);
    expect(readFileSync(`${outside()}/marker`, "utf8")).toBe("outside\n");
  });
});

describe("hostile places", () => {
  test("a mount point that is a link in the image or in a volume leads nowhere but inside", async () => {
    const before = statSync("/etc").mtimeMs;
    await host.ok([
      "run",
      "--name",
      "maker",
      "base",
      "sh",
      "-c",
      `ln -s /../../../../../../etc /up; ln -s ${host.directory}/not-made /gone; mkdir /vol; ln -s / /vol/root`,
    ]);
    await host.ok(["commit", "--change", "VOLUME /up /vol", "maker", "hostile"]);
    await host.ok(["rm", "maker"]);
    const inside = await host.ok([
      "run",
      "--rm",
      "-v",
      "evil:/gone",
      "hostile",
      "sh",
      "-c",
      "ls -d /gone; test -e /etc/passwd && echo filled",
    ]);
    expect(inside).toBe("/gone\nfilled");
    expect(existsSync(`${host.directory}/not-made`)).toBe(false);
    // A link in a volume as the place of another mount.
    await sh("ln -s /etc /d/etc; ln -s /nowhere /d/nowhere", "-v", "evil:/d");
    expect(
      await sh(
        "ls /d/etc/..data-mark /etc/mark 2>/dev/null; touch /d/etc/mark /d/nowhere/mark; ls /nowhere",
        "-v",
        "evil:/d",
        "-v",
        "over:/d/etc",
        "-v",
        "over2:/d/nowhere",
      ),
    ).toContain("mark");
    expect(existsSync("/nowhere")).toBe(false);
    expect(existsSync("/etc/mark")).toBe(false);
    expect(readdirSync(data("over"))).toContain("mark");
    expect(statSync("/etc").mtimeMs).toBe(before);
    expect(lstatSync(`${data("evil")}/etc`).isSymbolicLink()).toBe(true);
    await host.ok(["volume", "rm", "evil", "over", "over2"]);
  });

  test("an image whose VOLUME is no place to mount on is refused, and leaves nothing", async () => {
    for (const path of ["/", "/a/.."]) {
      await host.ok(["import", "--change", `VOLUME ${path}`, `${host.directory}/payload.tar`, "odd"]);
      expect(await host.wherry(["run", "--entrypoint", "/payload", "odd", "exit", "0"])).toMatchObject({
        code: 125,
        stderr: expect.stringContaining("invalid mount target"),
      });
      await host.ok(["rmi", "odd"]);
    }
    expect(await host.ok(["ps", "-aq"])).toBe("");
    expect(readdirSync(`${host.root}/volumes`).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
  });
});

describe("idmap", () => {
  const bound = (name: string, uid: number, gid: number): string => {
    const directory = `${host.directory}/${name}`;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    chownSync(directory, uid, gid);
    return directory;
  };
  const owner = (path: string): string => `${statSync(path).uid}:${statSync(path).gid}`;

  test("what the container's root makes in a bind mount belongs to who called through sudo", async () => {
    const directory = bound("mine", 1000, 1001);
    const sudo = { env: { SUDO_UID: "1000", SUDO_GID: "1001" } };
    for (const [index, flags] of [
      ["-v", `${directory}:/b:idmap`],
      ["--mount", `type=bind,source=${directory},target=/b,idmap`],
      ["--userns", "auto", "-v", `${directory}:/b:idmap`],
    ].entries()) {
      const made = await host.ok(["run", "--rm", ...flags, "base", "sh", "-c", `touch /b/${index}; stat -c %u:%g /b /b/${index}`], sudo);
      expect(made).toBe("0:0\n0:0");
      expect(owner(`${directory}/${index}`)).toBe("1000:1001");
    }
  });

  test("other users stay who they are, and the host's root takes the caller's place", async () => {
    const directory = bound("others", 1000, 1000);
    writeFileSync(`${directory}/of-root`, "");
    const seen = await sh("touch /b/x; chown 33:44 /b/x; stat -c %u:%g /b/x /b/of-root", "-v", `${directory}:/b:idmap=1000`);
    expect(seen).toBe("33:44\n1000:1000");
    expect(owner(`${directory}/x`)).toBe("33:44");
  });

  test("ranges of one's own, on the host or in the container's user namespace", async () => {
    const directory = bound("ranges", 5000, 5000);
    const ranges = "uids=5000-0-1#5001-7-2;gids=5000-0-3";
    expect(await sh("touch /b/f; stat -c %u:%g /b/f", "--mount", `type=bind,source=${directory},target=/b,idmap=${ranges}`)).toBe("0:0");
    expect(
      await sh("touch /b/g; chown 8:2 /b/g", "--userns", "auto", "--mount", `type=bind,source=${directory},target=/b,idmap=@${ranges}`),
    ).toBe("");
    expect([owner(`${directory}/f`), owner(`${directory}/g`)]).toEqual(["5000:5000", "5002:5002"]);
    expect(
      await refused("--userns", "auto", "--mount", `type=bind,source=${directory},target=/b,idmap=@uids=0-70000-1;gids=0-0-1`),
    ).toContain("invalid idmap range");
  });

  test("a file system that can't is named", async () => {
    expect(await refused("-v", "/proc/sys:/b:idmap=1000")).toContain(
      "map the ids of `/proc/sys` for `/b` (its file system must support id-mapped mounts): invalid argument",
    );
  });

  test("volumes in a user namespace are the container's, whatever range it has: ids on disk are those inside", async () => {
    for (const name of ["one", "two"])
      expect(
        await sh(`echo ${name} > /v/${name}; chown 5:6 /v/${name}; stat -c %u:%g /v/${name}`, "--userns", "auto", "-v", "shared:/v"),
      ).toBe("5:6");
    expect(owner(`${data("shared")}/one`)).toBe("5:6");
    expect(await sh("cat /v/one /v/two; stat -c %u:%g /v /v/two", "-v", "shared:/v")).toBe("one\ntwo\n0:0\n5:6");
  });
});
