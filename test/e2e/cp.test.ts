// wherry cp: docker's rules of what goes where, every kind of file, every state of a container, and whose files they are.
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox", "setfattr");
const isThere = test === bunTest;
const host = useWherryHost("cp");
let here = "";

const cp = (...args: readonly string[]) => host.wherry(["cp", ...args], { cwd: here });
const copies = (...args: readonly string[]) => host.ok(["cp", ...args], { cwd: here });
const refuses = async (...args: readonly string[]) => {
  const { code, stderr } = await cp(...args);
  expect(code).toBe(1);
  return stderr.replace(/^wherry: /, "").trimEnd();
};
const sh = (line: string, name = "box") => host.ok(["exec", name, "sh", "-c", line]);
const hostTree = (directory: string) =>
  spawnSync("find", [directory, "-mindepth", "1", "-printf", "%P %y\n"], { cwd: here })
    .stdout.toString()
    .split("\n")
    .filter(Boolean)
    .sort();

beforeAll(async () => {
  if (!isThere) return;
  here = `${host.directory}/here`;
  mkdirSync(`${here}/src/sub`, { recursive: true });
  writeFileSync(`${here}/file`, "file\n");
  writeFileSync(`${here}/src/x`, "x\n");
  writeFileSync(`${here}/src/sub/y`, "y\n");
  symlinkSync("file", `${here}/link`);
  symlinkSync("src", `${here}/dirlink`);
  await host.ok(["run", "-d", "--name", "box", "--network", "none", "base", "sleep", "100000"]);
  await sh("mkdir -p /d/sub /e; echo 1 > /d/a; echo 2 > /d/sub/b; ln -s /d /ld; ln -s d/a /lf; ln -s /new /dangling");
}, 60_000);

describe("out of a container", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["/d/a out/new", ["new f"]],
    ["/d/a out", ["a f"]],
    ["/d out", ["d d", "d/a f", "d/sub d", "d/sub/b f"]],
    ["/d out/new", ["new d", "new/a f", "new/sub d", "new/sub/b f"]],
    ["/d/. out", ["a f", "sub d", "sub/b f"]],
    ["/d/. out/new", ["new d", "new/a f", "new/sub d", "new/sub/b f"]],
    ["/lf out", ["lf l"]],
    ["-L /lf out", ["lf f"]],
    ["/ld out", ["ld l"]],
    ["/ld/ out", ["ld d", "ld/a f", "ld/sub d", "ld/sub/b f"]],
    ["-L /ld out", ["ld d", "ld/a f", "ld/sub d", "ld/sub/b f"]],
    ["../../d/sub out", ["sub d", "sub/b f"]],
  ];
  for (const [line, expected] of cases) {
    test(`cp ${line}`, async () => {
      rmSync(`${here}/out`, { recursive: true, force: true });
      mkdirSync(`${here}/out`);
      const [to = "", from = "", ...flags] = line.split(" ").reverse();
      await copies(...flags, `box:${from}`, to);
      expect(hostTree("out")).toEqual([...expected]);
    });
  }
  test("refuses what docker refuses, in its words", async () => {
    expect(await refuses("box:/nope", ".")).toBe("Could not find the file /nope in container box");
    expect(await refuses("box:/d/a/", ".")).toBe("Could not find the file /d/a/ in container box");
    expect(await refuses("box:/d", "file")).toBe("cannot copy directory");
    expect(await refuses("box:/d/a", "nodir/x")).toBe(`invalid output path: directory "${here}/nodir" does not exist`);
    expect(await refuses("box:/d/a", "new/")).toBe("no such directory");
    expect(await refuses("box:/d/a", "box:/e")).toBe("copying between containers is not supported");
    expect(await refuses("file", "file2")).toBe("must specify at least one container source");
    expect(await refuses("", "box:/e")).toBe("source can not be empty");
    expect(await refuses("nobox:/a", ".")).toBe("No such container: nobox");
    expect(readFileSync(`${here}/file`, "utf8")).toBe("file\n");
  });
  test("a directory and a file don't replace each other", async () => {
    mkdirSync(`${here}/kind/a`, { recursive: true });
    expect(await refuses("box:/d/a", "kind")).toBe(`cannot overwrite directory "${here}/kind/a" with non-directory "${here}/kind"`);
    rmSync(`${here}/kind`, { recursive: true });
    mkdirSync(`${here}/kind`);
    writeFileSync(`${here}/kind/d`, "");
    expect(await refuses("box:/d", "kind")).toBe(`cannot overwrite non-directory "${here}/kind/d" with directory "${here}/kind"`);
  });
  test("files of the kernel are none of the container's", async () => {
    expect(await refuses("box:/proc/cpuinfo", ".")).toMatch(/^`\/proc\/cpuinfo` is the kernel's \(proc\)/);
    // A magic link is read as if it were an ordinary one: it leads where its text says, in the container.
    await copies("box:/proc/1/root/etc/hostname", "out/hostname");
    expect(readFileSync(`${here}/out/hostname`, "utf8").trimEnd()).toBe(await sh("cat /etc/hostname"));
    expect(await refuses("file", "box:/proc/sys/kernel")).toMatch(/kernel's/);
    await copies("box:/proc", "out/proc");
    expect(readdirSync(`${here}/out/proc`)).toEqual([]);
  });
});

describe("into a container", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["file /t", "/t/file"],
    ["file /t/", "/t/file"],
    ["file /t/new", "/t/new"],
    ["src /t", "/t/src /t/src/sub /t/src/sub/y /t/src/x"],
    ["src/. /t", "/t/sub /t/sub/y /t/x"],
    ["src/. /t/new", "/t/new /t/new/sub /t/new/sub/y /t/new/x"],
    ["src /t/new", "/t/new /t/new/sub /t/new/sub/y /t/new/x"],
    ["link /t", "/t/link"],
    ["-L link /t", "/t/link"],
    ["dirlink /t", "/t/dirlink"],
    ["dirlink/ /t", "/t/dirlink /t/dirlink/sub /t/dirlink/sub/y /t/dirlink/x"],
    ["-L dirlink /t", "/t/dirlink /t/dirlink/sub /t/dirlink/sub/y /t/dirlink/x"],
  ];
  for (const [line, expected] of cases) {
    test(`cp ${line}`, async () => {
      await sh("rm -rf /t; mkdir /t");
      const [to = "", from = "", ...flags] = line.split(" ").reverse();
      await copies(...flags, from, `box:${to}`);
      expect((await sh("find /t -mindepth 1 | sort")).replaceAll("\n", " ")).toBe(expected);
    });
  }
  test("through a symlink in the container, and never out of it", async () => {
    await sh("rm -rf /t /new; mkdir /t; ln -s ../../../../../../etc /t/up; ln -sfn /t /lt");
    await copies("file", "box:/lt");
    await copies("file", "box:/dangling");
    await copies("file", "box:/t/up/from-outside");
    expect(await sh("cat /t/file /new /etc/from-outside")).toBe("file\nfile\nfile");
    expect(existsSync("/etc/from-outside")).toBe(false);
  });
  test("refuses what docker refuses, in its words", async () => {
    expect(await refuses("file", "box:/no/dir")).toBe("Could not find the file /no in container box");
    expect(await refuses("file", "box:/newd/")).toBe("no such directory");
    expect(await refuses("src", "box:/d/a")).toBe("cannot copy directory");
    expect(await refuses("nofile", "box:/d")).toBe(`lstat ${here}/nofile: no such file or directory`);
    expect(await refuses("file", "box:/dev/null")).toBe('destination "box:/dev/null" must be a directory or a regular file');
    expect(await refuses("-", "box:/d/a")).toBe('destination "box:/d/a" must be a directory');
  });
});

describe("what is copied", () => {
  test("all kinds of files, with modes, hard links, xattrs and nanoseconds, there and back", async () => {
    const kinds = `${here}/kinds`;
    mkdirSync(kinds);
    const script = `
      echo data > f; ln f hard; ln -s f sym; mkfifo p; mknod c c 1 3; mknod b b 7 0; mkdir -m 1777 d; chown 12:34 f; chmod 4751 f
      setfattr -n user.note -v ja f; touch -d '2001-02-03 04:05:06.789012345' f d; truncate -s 3M big; printf end >> big
      touch "$(printf 'new\\nline')" "$(printf 'raw\\377')" "$(printf '%0255d' 0)" -- -dash '.hidden space '; : > empty; chown -h 12:34 sym d
    `;
    expect(spawnSync("sh", ["-c", script], { cwd: kinds }).stderr.toString()).toBe("");
    await copies("-a", "kinds", "box:/");
    await copies("-a", "box:/kinds", "back");
    const describe = (directory: string) =>
      spawnSync(
        "sh",
        [
          "-c",
          "find . -printf '%P %y %m %U %G %n %s %T@ %l\\0' | sort -z; getfattr -R -d . 2>/dev/null; md5sum big f; [ $(stat -c %b big) -lt 1000 ] && echo sparse",
        ],
        {
          cwd: directory,
        },
      )
        .stdout.toString("latin1")
        .replaceAll(/(^|\0)((?:\S* )?d \d+ \d+ \d+ \d+) \d+/g, "$1$2");
    expect(describe(`${here}/back`)).toBe(describe(kinds));
    expect(await sh("stat -c '%a %u %g' /kinds/f; [ /kinds/f -ef /kinds/hard ] && echo same")).toBe("4751 12 34\nsame");
  });
  test("without -a it is root's in there, and the caller's out here, without set-id bits", async () => {
    chownSync(`${here}/src/x`, 1000, 1000);
    await sh("rm -rf /t; mkdir /t; echo s > /t/suid; chown 1000:1000 /t/suid; chmod 6755 /t/suid");
    await copies("src/x", "box:/t/plain");
    await copies("-a", "src/x", "box:/t/owned");
    expect(await sh("stat -c '%u:%g' /t/plain /t/owned")).toBe("0:0\n1000:1000");
    await copies("box:/t/suid", "suid");
    await copies("-a", "box:/t/suid", "suid-a");
    const shown = ["suid", "suid-a"]
      .map((name) => lstatSync(`${here}/${name}`))
      .map(({ uid, mode }) => `${uid} ${(mode & 0o7777).toString(8)}`);
    expect(shown).toEqual(["0 755", "1000 6755"]);
  });
  test("- is a tar on either side, and keeps its owners", async () => {
    const tar = (await cp("box:/d", "-")).stdoutBytes;
    expect(spawnSync("tar", ["-t"], { input: tar }).stdout.toString()).toBe("d/\nd/a\nd/sub/\nd/sub/b\n");
    const packed = spawnSync("tar", ["-C", here, "--owner=7", "--group=8", "-cz", "src"]).stdout;
    await host.ok(["cp", "-", "box:/e"], { stdin: packed });
    expect(await sh("stat -c '%u:%g' /e/src/sub/y; cat /e/src/sub/y")).toBe("7:8\ny");
  });
  test("a file that grows has as many bytes as it had, one without end ends", async () => {
    await host.ok(["exec", "-d", "box", "sh", "-c", "yes > /grows"]);
    const listing = spawnSync("tar", ["-tv"], { input: (await cp("box:/grows", "-")).stdoutBytes });
    await sh("killall yes; rm /grows");
    expect(listing.status).toBe(0);
    expect(listing.stdout.toString()).toMatch(/grows\n$/);
  });
  test("quiet or not: the last line is for terminals", async () => {
    expect(await cp("file", "box:/e")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect((await cp("--quiet=false", "file", "box:/e")).stderr).toBe("Successfully copied 5B to box:/e\n");
  });
});

describe("containers of every kind", () => {
  afterAll(async () => {
    if (isThere) await host.ok(["rm", "-f", "other"]);
  });
  const options = ["--name", "other", "--network", "none"];
  const roundTrip = async () => {
    await copies("file", "other:/root/put");
    rmSync(`${here}/got`, { force: true });
    await copies("other:/root/put", "got");
    expect(readFileSync(`${here}/got`, "utf8")).toBe("file\n");
  };
  const fresh = (...more: readonly string[]) => host.ok(["run", "-d", ...options, ...more, "base", "sleep", "100000"]);
  test("created, then started: it is there", async () => {
    await host.ok(["create", ...options, "base", "cat", "/root/put"]);
    await roundTrip();
    expect(await host.ok(["start", "-a", "other"])).toBe("file");
  });
  test("stopped, with what it wrote and deleted", async () => {
    await host.ok(["rm", "-f", "other"]);
    await host.ok(["run", ...options, "base", "sh", "-c", "echo mine > /mine; rm /etc/group"]);
    await roundTrip();
    expect((await cp("other:/mine", "-")).code).toBe(0);
    expect(await refuses("other:/etc/group", ".")).toMatch(/^Could not find/);
    expect(await host.ok(["diff", "other"])).toBe("C /etc\nD /etc/group\nA /mine\nC /root\nA /root/put");
  });
  test("paused", async () => {
    await host.ok(["rm", "-f", "other"]);
    await fresh();
    await host.ok(["pause", "other"]);
    await roundTrip();
    await host.ok(["rm", "-f", "other"]);
  });
  test("read-only: refused, running or not; its volumes are not", async () => {
    mkdirSync(`${here}/volume`);
    await fresh("--read-only", "-v", `${here}/volume:/v`, "-v", `${here}/volume:/ro:ro`, "--tmpfs", "/t");
    for (const stopped of [false, true]) {
      if (stopped) await host.ok(["kill", "other"]);
      expect(await refuses("file", "other:/root")).toBe("container rootfs is marked read-only");
      expect(await refuses("file", "other:/ro")).toBe("mounted volume is marked read-only");
      await copies("file", "other:/v");
      expect(readFileSync(`${here}/volume/file`, "utf8")).toBe("file\n");
      await copies("other:/v/file", "got");
      rmSync(`${here}/volume/file`);
      if (!stopped) {
        await copies("file", "other:/t");
        await copies("other:/t/file", "got");
      }
    }
    await host.ok(["rm", "-f", "other"]);
  });
  test("in a user namespace the owners are the container's, running or not", async () => {
    await fresh("--userns", "auto");
    chownSync(`${here}/src/x`, 1000, 1000);
    for (const name of ["running", "stopped"]) {
      if (name === "stopped") await host.ok(["kill", "other"]);
      await copies("src", `other:/root/${name}`);
      await copies("-a", "src", `other:/root/${name}-a`);
      const listing = spawnSync("tar", ["-tv", "--numeric-owner"], { input: (await cp(`other:/root/${name}-a`, "-")).stdoutBytes });
      expect(listing.stdout.toString()).toMatch(/1000\/1000 .*\/x\n/);
    }
    await host.ok(["start", "other"]);
    const shown = await sh(
      "stat -c '%u' /root/running /root/running/x /root/running-a/x /root/stopped /root/stopped/x /root/stopped-a/x",
      "other",
    );
    expect(shown.replaceAll("\n", " ")).toBe("0 0 1000 0 0 1000");
    await host.ok(["rm", "-f", "other"]);
  });
  test("a start waits for the copy, and a removal", async () => {
    await host.ok(["create", ...options, "base", "true"]);
    const copy = host.start(["cp", "-", "other:/root"], { openStdin: true });
    copy.child.stdin?.write(Buffer.alloc(10));
    const claimed = async () => (await host.wherry(["inspect", "other"])).code === 0;
    expect(await claimed()).toBe(true);
    const start = host.start(["start", "other"]);
    copy.child.stdin?.end();
    expect((await copy.done).code).toBe(1);
    expect((await start.done).code).toBe(0);
  });
});

test("nothing of it is left on the host", () => {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  expect(mounts.filter((line) => line.includes(host.directory) && !line.includes(` ${host.runRoot}/layers`))).toEqual([]);
  expect(readlinkSync(`${here}/link`)).toBe("file");
});
