// The root file system: the read-write layer, mounts of every kind, devices, what is masked, and images that mean harm.
import { describe, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { requires } from "../support/requires.ts";
import { useWherryHost } from "../support/wherry-host.ts";
import { RunningProgram } from "../support/wherry-process.ts";

const test = requires("root", "binary", "overlayfs", "payload");
const host = useWherryHost("rootfs", { payload: true });

const run = (...args: readonly string[]) => host.wherry(["run", "--rm", ...args]);
const sh = (line: string, ...options: readonly string[]) => host.ok(["run", "--rm", ...options, "base", "sh", "-c", line]);
const fails = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await run(...args, "base", "true");
  expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
  expect(stderr).toMatch(/^wherry: [^\n]+\n$|^invalid argument [^\n]+\n/);
  return stderr;
};
const directory = (name: string, files: Readonly<Record<string, string>> = {}) => {
  const path = `${host.directory}/${name}`;
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(`${path}/${file}`, text);
  return path;
};
/** The options of the mount at `target`, as the container's own mountinfo tells. */
const optionsOf = (target: string) => `awk '$5 == "${target}" { print $6 }' /proc/self/mountinfo`;

describe("the read-write layer", () => {
  test("takes what is written, and the image stays as it was", async () => {
    await host.ok([
      "run",
      "--name",
      "writes",
      "base",
      "sh",
      "-c",
      "echo new > /new; rm /bin/vi; echo changed >> /etc/passwd; mkdir -p /d/e",
    ]);
    const upper = await host.ok(["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "writes"]);
    expect(readdirSync(upper).sort()).toEqual(["bin", "d", "etc", "new"]);
    expect(await sh("ls /new /d 2>/dev/null; ls /bin/vi; grep -c changed /etc/passwd; true")).toBe("/bin/vi\n0");
    await host.ok(["rm", "writes"]);
  });
  test("--read-only: nothing can be written but on mounts that are for it", async () => {
    expect(
      await sh(
        "touch /x 2>&1; touch /etc/y 2>&1; touch /dev/shm/z && echo shm; touch /t/z && echo tmpfs; echo x > /dev/null && echo null",
        "--read-only",
        "--tmpfs",
        "/t",
      ),
    ).toBe("touch: /x: Read-only file system\ntouch: /etc/y: Read-only file system\nshm\ntmpfs\nnull");
  });
});

describe("the default mounts", () => {
  test("proc, dev, devpts, sys, cgroup, shm and mqueue with docker's options", async () => {
    const table = await sh("cat /proc/self/mountinfo");
    const at = (target: string) => {
      const fields =
        table
          .split("\n")
          .map((line) => line.split(" "))
          .find((line) => line[4] === target) ?? [];
      return `${fields[fields.indexOf("-") + 1]} ${fields[5]}`;
    };
    expect(at("/")).toMatch(/^overlay rw/);
    expect(at("/proc")).toBe("proc rw,nosuid,nodev,noexec,relatime");
    expect(at("/dev")).toMatch(/^tmpfs rw,nosuid/);
    expect(at("/dev/pts")).toMatch(/^devpts rw,nosuid,noexec/);
    expect(at("/sys")).toBe("sysfs ro,nosuid,nodev,noexec,relatime");
    expect(at("/dev/shm")).toBe("tmpfs rw,nosuid,nodev,noexec,relatime");
    expect(at("/dev/mqueue")).toBe("mqueue rw,nosuid,nodev,noexec,relatime");
    expect(table).toMatch(/ \/sys\/fs\/cgroup\S* ro,/);
    for (const path of ["/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"].filter(existsSync))
      expect({ path, mount: at(path) }).toEqual({ path, mount: expect.stringMatching(/^proc ro,/) });
  });
  test("/dev holds the standard nodes and links, and no more", async () => {
    const entries = (await sh("cd /dev; for n in *; do if [ -L $n ]; then echo $n $(readlink $n); else stat -c '%n %F %a' $n; fi; done"))
      .split("\n")
      .sort();
    const node = "character special file 666";
    expect(entries).toEqual([
      "core /proc/kcore",
      "fd /proc/self/fd",
      `full ${node}`,
      "mqueue directory 1777",
      `null ${node}`,
      "ptmx pts/ptmx",
      "pts directory 755",
      `random ${node}`,
      "shm directory 1777",
      "stderr /proc/self/fd/2",
      "stdin /proc/self/fd/0",
      "stdout /proc/self/fd/1",
      `tty ${node}`,
      `urandom ${node}`,
      `zero ${node}`,
    ]);
    expect(await sh("head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x > /dev/full; true")).toBe("4\n4");
  });
  test("/dev/console is there with a terminal", async () => {
    expect((await run("-t", "base", "sh", "-c", "stat -c %F /dev/console; tty")).stdout).toBe("character special file\r\n/dev/pts/0\r\n");
  });
  test("--shm-size; /dev/shm is 64 MiB otherwise", async () => {
    expect(await sh("df -k /dev/shm | tail -n1 | awk '{print $2}'")).toBe("65536");
    expect(await sh("df -k /dev/shm | tail -n1 | awk '{print $2}'", "--shm-size", "1m")).toBe("1024");
  });
  test("secrets of the host are masked", async () => {
    expect(
      await sh(
        "for f in /proc/kcore /proc/keys /proc/timer_list /proc/latency_stats /proc/sched_debug /proc/interrupts; do [ -e $f ] && head -c 1 $f | wc -c; done | sort -u",
      ),
    ).toBe("0");
    expect(
      await sh(
        "for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap; do [ -d $d ] && ls $d; done | wc -l",
      ),
    ).toBe("0");
    expect(
      await sh(
        "echo x 2>/dev/null > /proc/sysrq-trigger || echo refused; echo 1 2>/dev/null > /proc/sys/kernel/hostname || echo refused; mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused",
      ),
    ).toBe("refused\nrefused\nrefused");
  });
  test("--security-opt systempaths=unconfined opens them", async () => {
    expect(await sh("grep -c ' /proc/sys ' /proc/self/mountinfo; true", "--security-opt", "systempaths=unconfined")).toBe("0");
  });
  test("hosts, hostname and resolv.conf are managed, and may be changed inside", async () => {
    expect(
      await sh("cat /etc/hostname; grep -c localhost /etc/hosts; grep '10.1.2.3' /etc/hosts", "-h", "box", "--add-host", "friend:10.1.2.3"),
    ).toBe("box\n2\n10.1.2.3\tfriend");
    expect(await sh("cat /etc/resolv.conf", "--dns", "9.9.9.9", "--dns-search", "example.org", "--dns-option", "ndots:2")).toBe(
      "nameserver 9.9.9.9\nsearch example.org\noptions ndots:2",
    );
    expect(await sh("cat /etc/resolv.conf", "--network", "host")).toBe(readFileSync("/etc/resolv.conf", "utf8").replace(/\n$/, ""));
    expect(await sh("echo '1.1.1.1 x' >> /etc/hosts && tail -n1 /etc/hosts; mv /etc/hosts /etc/h 2>/dev/null || echo a mount")).toBe(
      "1.1.1.1 x\na mount",
    );
  });
  test("so they are where a mount of the user's covers /etc", async () => {
    const words = "cat /etc/hostname; grep -c localhost /etc/hosts";
    expect(await sh(words, "-h", "box", "--tmpfs", "/etc")).toBe("box\n2");
    expect(await sh(words, "-h", "box", "-v", `${directory("etc")}:/etc`)).toBe("box\n2");
  });
});

describe("--tmpfs", () => {
  test("is empty, of the asked size and mode, and gone with the container's run", async () => {
    expect(
      await sh(
        `ls -A /t | wc -l; df -k /t | tail -n1 | awk '{print $2}'; stat -c %a /t; ${optionsOf("/t")}`,
        "--tmpfs",
        "/t:size=2m,mode=700",
      ),
    ).toBe("0\n2048\n700\nrw,nosuid,nodev,noexec,relatime");
    expect(await sh(optionsOf("/made/here"), "--tmpfs", "/made/here:exec,ro")).toBe("ro,nosuid,nodev,relatime");
    expect(await sh("stat -c %a /t", "--mount", "type=tmpfs,dst=/t,tmpfs-mode=1777,tmpfs-size=1m")).toBe("1777");
  });
  test("with an option that does not exist is refused", async () => {
    expect(await fails("--tmpfs", "/t:nonsense=1")).toContain("nonsense");
  });
});

describe("-v and --mount", () => {
  test("bind a directory, read-write or read-only", async () => {
    const path = directory("shared", { in: "from outside" });
    expect(await sh("cat /s/in; echo inside > /s/out", "-v", `${path}:/s`)).toBe("from outside");
    expect(readFileSync(`${path}/out`, "utf8")).toBe("inside\n");
    for (const option of [
      ["-v", `${path}:/s:ro`],
      ["--mount", `type=bind,src=${path},dst=/s,readonly`],
    ]) {
      expect(await sh("touch /s/x 2>&1; cat /s/in", ...option)).toBe("touch: /s/x: Read-only file system\nfrom outside");
    }
  });
  test("a missing source is made by -v and refused by --mount", async () => {
    const made = `${host.directory}/made/by/v`;
    expect(await sh("ls -A /s", "-v", `${made}:/s`)).toBe("");
    expect(statSync(made).isDirectory()).toBe(true);
    expect(await fails("--mount", `type=bind,src=${host.directory}/missing,dst=/s`)).toContain("bind source path does not exist");
    expect(existsSync(`${host.directory}/missing`)).toBe(false);
  });
  test("bind a file, over one of the image or to a new place", async () => {
    const path = directory("files", { f: "mine" });
    expect(
      await sh(
        "cat /etc/passwd /new/place/f; echo; echo more >> /new/place/f",
        "-v",
        `${path}/f:/etc/passwd:ro`,
        "-v",
        `${path}/f:/new/place/f`,
      ),
    ).toBe("minemine");
    expect(readFileSync(`${path}/f`, "utf8")).toBe("minemore\n");
  });
  test("mounts beneath mounts, whatever their order; submounts of the source come along", async () => {
    const [outer, inner] = [directory("outer", { o: "outer" }), directory("inner", { i: "inner" })];
    expect(await sh("cat /m/o /m/deep/i; ls /m/deep", "-v", `${inner}:/m/deep`, "-v", `${outer}:/m`)).toBe("outerinneri");
    const sub = directory("submounts/sub", {});
    await new RunningProgram("mount", ["-t", "tmpfs", "tmpfs", sub]).done;
    try {
      writeFileSync(`${sub}/x`, "x");
      expect(await sh("cat /m/sub/x; touch /m/sub/y 2>&1; true", "-v", `${host.directory}/submounts:/m:ro`)).toBe(
        "xtouch: /m/sub/y: Read-only file system",
      );
      expect(await sh("ls /m/sub", "--mount", `type=bind,src=${host.directory}/submounts,dst=/m,bind-recursive=disabled`)).toBe("");
    } finally {
      await new RunningProgram("umount", [sub]).done;
    }
  });
  test("propagation: private by default, as asked otherwise", async () => {
    const path = directory("propagated/inside");
    const source = `${host.directory}/propagated`;
    await new RunningProgram("mount", ["--bind", source, source]).done;
    await new RunningProgram("mount", ["--make-shared", source]).done;
    try {
      const seen = "awk '$5 == \"/m\" { print $7 }' /proc/self/mountinfo";
      expect(await sh(seen, "-v", `${source}:/m`)).toBe("-");
      expect(await sh(seen, "-v", `${source}:/m:rslave`)).toMatch(/^master:\d+$/);
      expect(await sh(seen, "--mount", `type=bind,src=${source},dst=/m,bind-propagation=rshared`)).toMatch(/^shared:\d+$/);
      await host.ok(["run", "-d", "--name", "slave", "-v", `${source}:/m:rslave`, "base", "sleep", "1000"]);
      await new RunningProgram("mount", ["-t", "tmpfs", "tmpfs", path]).done;
      writeFileSync(`${path}/late`, "late");
      expect(await host.ok(["exec", "slave", "cat", "/m/inside/late"])).toBe("late");
      await host.ok(["rm", "-f", "slave"]);
    } finally {
      await new RunningProgram("umount", ["-R", "-l", source]).done;
    }
  });
  test("keep nosuid, nodev and noexec of the source", async () => {
    const path = directory("guarded");
    await new RunningProgram("mount", ["-t", "tmpfs", "-o", "nosuid,nodev,noexec", "tmpfs", path]).done;
    try {
      expect(await sh(optionsOf("/m"), "-v", `${path}:/m:ro`)).toMatch(/^ro,nosuid,nodev,noexec/);
    } finally {
      await new RunningProgram("umount", [path]).done;
    }
  });
  test("mistakes are refused in one line", async () => {
    const path = directory("plain");
    for (const args of [
      ["-v", `${path}:relative`],
      ["-v", `${path}:/`],
      ["-v", `${path}:/a:rx`],
      ["-v", `${path}:/a:ro:more`],
      ["-v", `${path}:/a`, "-v", `${path}:/a`],
      ["--mount", "type=bind,src=/usr"],
      ["--mount", "type=nosuch,dst=/a"],
      ["--mount", "type=bind,src=relative,dst=/a"],
      ["--mount", "nonsense"],
    ])
      await fails(...args);
  });
});

describe("--device", () => {
  test("adds a node with the permissions that were asked for", async () => {
    expect(
      await sh(
        "stat -c '%F %t:%T' /dev/kmsg2; head -c1 /dev/kmsg2 >/dev/null 2>&1 && echo reads; echo x 2>/dev/null > /dev/kmsg2 || echo no write",
        "--device",
        "/dev/kmsg:/dev/kmsg2:r",
      ),
    ).toMatch(/^character special file 1:b\n(reads\n)?no write$/);
    expect(await fails("--device", "/dev/nosuch")).toContain("/dev/nosuch");
    expect(await fails("--device", "/etc/passwd")).toContain("not a device node");
  });
  test("without it a node of one's own making is of no use", async () => {
    expect(await sh("mknod /k c 1 11 && cat /k 2>&1 | head -n1; mknod /n c 1 3 && echo x > /n && echo null works")).toBe(
      "cat: can't open '/k': Operation not permitted\nnull works",
    );
  });
});

describe("an image that means harm", () => {
  const importTree = async (reference: string, make: (tree: string) => void) => {
    const tree = directory(`tree-${reference}`);
    for (const name of ["proc", "sys", "dev", "etc", "bin"]) mkdirSync(`${tree}/${name}`, { recursive: true });
    writeFileSync(`${tree}/bin/sh`, readFileSync(["/bin/busybox", "/usr/bin/busybox"].find(existsSync) ?? "/bin/sh"));
    chmodSync(`${tree}/bin/sh`, 0o755);
    make(tree);
    const archive = `${host.directory}/${reference}.tar`;
    await new RunningProgram("tar", ["-C", tree, "-cf", archive, "."]).done;
    await host.ok(["import", archive, reference]);
  };
  const outside = () => directory("outside", { victim: "untouched" });

  test("mount targets through its links stay inside: absolute, relative, to /proc", async () => {
    const target = outside();
    await importTree("links", (tree) => {
      symlinkSync(target, `${tree}/absolute`);
      symlinkSync(`../../../../../../../..${target}`, `${tree}/relative`);
      symlinkSync("/proc/1/root", `${tree}/process`);
      rmSync(`${tree}/etc`, { recursive: true });
      symlinkSync(target, `${tree}/etc`);
    });
    const source = directory("source", { s: "s" });
    const result = await run(
      "-v",
      `${source}:/absolute/a`,
      "-v",
      `${source}:/relative/b`,
      "-v",
      `${source}/s:/process/c`,
      "-w",
      "/absolute/cwd",
      "links",
      "/bin/sh",
      "-c",
      "cat /absolute/a/s /relative/b/s; echo; cat /etc/hostname",
    );
    expect(result.stderr).not.toContain("internal error");
    expect(readdirSync(target)).toEqual(["victim"]);
    expect(readFileSync(`${target}/victim`, "utf8")).toBe("untouched");
    expect(existsSync("/c")).toBe(false);
  });
  test.each(["proc", "sys", "dev"])("/%s as a link does not send our mount elsewhere", async (name) => {
    const target = outside();
    await importTree(`link-${name}`, (tree) => {
      rmSync(`${tree}/${name}`, { recursive: true });
      symlinkSync(target, `${tree}/${name}`);
    });
    await run(`link-${name}`, "/bin/sh", "-c", "true");
    expect(readdirSync(target)).toEqual(["victim"]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(target);
  });
  test("files where our directories should be: they are hidden, as by docker, and nothing is left", async () => {
    await importTree("files", (tree) => {
      rmSync(`${tree}/proc`, { recursive: true });
      writeFileSync(`${tree}/proc`, "a file");
    });
    const result = await run("files", "/bin/sh", "-c", "test -d /proc/self && echo there");
    expect(result).toMatchObject({ code: 0, stdout: "there\n", stderr: "" });
    expect(await host.ok(["ps", "-aq"])).toBe("");
  });
  test("an empty image, and one without the directories that we need", async () => {
    const tree = directory("tree-bare");
    writeFileSync(`${tree}/sh`, readFileSync(["/bin/busybox", "/usr/bin/busybox"].find(existsSync) ?? "/bin/sh"));
    chmodSync(`${tree}/sh`, 0o755);
    const archive = `${host.directory}/bare.tar`;
    await new RunningProgram("tar", ["-C", tree, "-cf", archive, "."]).done;
    await host.ok(["import", archive, "bare"]);
    expect(await host.ok(["run", "--rm", "bare", "/sh", "-c", "echo *"])).toBe("dev etc proc sh sys");
  });
});
