import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createdWith } from "../../../test/fakes/created-with.ts";
import { runFakeCli } from "../../../test/fakes/run-fake-cli.ts";
import type { ContainerOptions } from "../../spec/container-options.ts";

const directory = mkdtempSync(join(tmpdir(), "wherry-flags-"));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe("create turns flags into options", () => {
  test("none given: only what docker's API always says", async () => {
    expect(await createdWith(["image"])).toEqual({
      image: "image",
      tty: false,
      openStdin: false,
      stdinOnce: false,
      attachStdin: false,
      attachStdout: true,
      attachStderr: true,
      autoRemove: false,
      readonlyRootfs: false,
      privileged: false,
    });
  });

  test("the command is all that follows the image", async () => {
    const options = await createdWith(["--entrypoint", "", "image", "sh", "-c", "--rm", "--"]);
    expect(options.command).toEqual(["sh", "-c", "--rm", "--"]);
    expect(options.entrypoint).toEqual([""]);
    expect(options.autoRemove).toBe(false);
  });

  test("an empty name, of a variable that is not set, is none", async () => {
    expect((await createdWith(["--name", "", "image"])).name).toBeUndefined();
  });

  test.each<[string[], Partial<ContainerOptions>]>([
    [
      ["-it", "--rm", "--name", "n", "-h", "box", "--domainname", "lan"],
      { tty: true, openStdin: true, stdinOnce: true, attachStdin: true, autoRemove: true, name: "n", hostname: "box", domainname: "lan" },
    ],
    [["-a", "stdout", "-a", "STDIN"], { attachStdin: true, attachStdout: true, attachStderr: false }],
    [["-w", "/w", "-u", "me:us", "--group-add", "5", "--group-add", "x"], { workingDirectory: "/w", user: "me:us", groupAdd: ["5", "x"] }],
    [["-l", "a=1", "-l", "b", "-l", "a=2", "--annotation", "k=v=w"], { labels: { a: "2", b: "" }, annotations: { k: "v=w" } }],
    [["--init", "--stop-signal", "USR1", "--stop-timeout", "-1"], { init: true, stopSignal: "USR1", stopTimeoutSeconds: -1 }],
    [
      [
        "--net",
        "host",
        "--pid",
        "container:x",
        "--ipc=none",
        "--uts=host",
        "--userns",
        "auto",
        "--cgroupns",
        "private",
        "--timens",
        "host",
      ],
      { namespaces: { network: "host", pid: "container:x", ipc: "none", uts: "host", user: "auto", cgroup: "private", time: "host" } },
    ],
    [["--read-only", "--shm-size", "1g", "--privileged"], { readonlyRootfs: true, shmSizeBytes: 1024 ** 3, privileged: true }],
    [
      [
        "--cap-add",
        "ALL",
        "--cap-drop=net_raw",
        "--security-opt",
        "no-new-privileges",
        "--security-opt",
        "apparmor:unconfined",
        "--security-opt",
        "seccomp=unconfined",
      ],
      { capAdd: ["ALL"], capDrop: ["net_raw"], securityOpt: ["no-new-privileges", "apparmor=unconfined", "seccomp=unconfined"] },
    ],
    [
      ["--ulimit", "nofile=10:20", "--ulimit", "core=0", "--ulimit", "memlock=-1"],
      {
        ulimits: [
          { name: "nofile", soft: 10, hard: 20 },
          { name: "core", soft: 0, hard: 0 },
          { name: "memlock", soft: -1, hard: -1 },
        ],
      },
    ],
    [["--oom-score-adj", "-500", "--sysctl", "net.core.somaxconn=9"], { oomScoreAdj: -500, sysctls: { "net.core.somaxconn": "9" } }],
    [
      ["--add-host", "db:10.0.0.1", "--add-host=v6=[::1]", "--dns", "9.9.9.9", "--dns-search", "x.y", "--dns-opt", "ndots:1"],
      { extraHosts: ["db:10.0.0.1", "v6:::1"], dns: ["9.9.9.9"], dnsSearch: ["x.y"], dnsOptions: ["ndots:1"] },
    ],
    [
      ["--device", "/dev/fuse", "--device=/dev/a:/dev/b:r", "--device", "/dev/c:rw", "--device-cgroup-rule", "c 1:* rw"],
      {
        devices: [
          { hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "rwm" },
          { hostPath: "/dev/a", containerPath: "/dev/b", permissions: "r" },
          { hostPath: "/dev/c", containerPath: "/dev/c", permissions: "rw" },
        ],
        deviceCgroupRules: ["c 1:* rw"],
      },
    ],
    [
      ["-m", "64m", "--memory-swap", "-1", "--memory-reservation", "32m", "--memory-swappiness", "10", "--oom-kill-disable"],
      {
        resources: {
          memoryBytes: 64 * 1024 ** 2,
          memorySwapBytes: -1,
          memoryReservationBytes: 32 * 1024 ** 2,
          memorySwappiness: 10,
          oomKillDisable: true,
        },
      },
    ],
    [
      [
        "--cpus",
        "1.5",
        "-c",
        "512",
        "--cpu-quota",
        "-1",
        "--cpu-period",
        "100000",
        "--cpuset-cpus",
        "0-1",
        "--cpuset-mems",
        "0",
        "--pids-limit",
        "-1",
      ],
      {
        resources: {
          nanoCpus: 1_500_000_000,
          cpuShares: 512,
          cpuQuotaMicros: -1,
          cpuPeriodMicros: 100_000,
          cpusetCpus: "0-1",
          cpusetMems: "0",
          pidsLimit: -1,
        },
      },
    ],
    [
      [
        "--blkio-weight",
        "300",
        "--blkio-weight-device",
        "/dev/sda:500",
        "--device-read-bps",
        "/dev/sda:1mb",
        "--device-write-iops",
        "/dev/sda:100",
        "--cgroup-parent",
        "/p",
      ],
      {
        resources: {
          blkioWeight: 300,
          blkioWeightDevice: [{ path: "/dev/sda", rate: 500 }],
          blkioDeviceReadBps: [{ path: "/dev/sda", rate: 1024 ** 2 }],
          blkioDeviceWriteIops: [{ path: "/dev/sda", rate: 100 }],
          cgroupParent: "/p",
        },
      },
    ],
    [["--log-opt", "max-size=1m", "--log-opt", "max-file=5"], { log: { maxBytes: 1024 ** 2, maxFiles: 5 } }],
    [["--log-driver", "none"], { log: { maxBytes: 0 } }],
  ])("%p", async (args, expected) => {
    expect(await createdWith([...args, "image"])).toMatchObject(expected);
  });
});

describe("variables, labels and profiles from files", () => {
  test("files come first, NAME alone takes the caller's value", async () => {
    const path = file("env", "# said\n\n  A=1\nB=two words # not a comment\r\nFROM_CALLER\nMISSING\nC=\n");
    const options = await createdWith(["--env-file", path, "-e", "A=9", "-e", "FROM_CALLER", "-e", "ALSO_MISSING", "-e", "D=", "image"], {
      FROM_CALLER: "x=y",
    });
    expect(options.env).toEqual([
      "A=1",
      "B=two words # not a comment",
      "FROM_CALLER=x=y",
      "C=",
      "A=9",
      "FROM_CALLER=x=y",
      "ALSO_MISSING",
      "D=",
    ]);
  });

  test("the caller's NODE_ENV comes from where the front has set it aside, and what is for our own runtime does not pass for it", async () => {
    const options = await createdWith(["-e", "NODE_ENV", "-e", "BUN_JSC_useJIT", "image"], {
      WHERRY_CALLERS_NODE_ENV: "test",
      BUN_JSC_useJIT: "0",
    });
    expect(options.env).toEqual(["NODE_ENV=test", "BUN_JSC_useJIT"]);
  });

  test("labels of a file", async () => {
    const options = await createdWith(["--label-file", file("labels", "a=1\nb\n"), "-l", "a=2", "image"]);
    expect(options.labels).toEqual({ a: "2", b: "" });
  });

  test("a seccomp profile is read and goes on as JSON", async () => {
    const options = await createdWith([
      "--security-opt",
      `seccomp=${file("p.json", '{\n "defaultAction": "SCMP_ACT_ALLOW" }\n')}`,
      "image",
    ]);
    expect(options.securityOpt).toEqual(['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']);
  });

  test.each([
    [["--env-file", "/nonexistent"], "read environment variables from `/nonexistent`"],
    [["--env-file", file("blank", "A B=1\n")], "the name `A B` in line 1 contains whitespace"],
    [["--env-file", file("nameless", "=1\n")], "line 1 has no name before ="],
    [["--env-file", file("latin1", Uint8Array.of(0x41, 0x3d, 0xff))], "not valid UTF-8"],
    [["-e", "=x"], "invalid environment variable `=x`"],
    [["-e", ""], "invalid environment variable ``"],
    [["-l", "=x"], "invalid label `=x`"],
    [["--security-opt", "seccomp=/nonexistent"], "read the seccomp profile `/nonexistent`"],
    [["--security-opt", "frob"], "invalid --security-opt `frob`"],
  ])("%p is refused", async (args, message) => {
    const { code, stderr, engine } = await runFakeCli(["create", ...args, "image"]);
    expect(stderr).toContain(message);
    expect(code).toBe(1);
    expect(engine.calls).toEqual([]);
  });
});

describe("a bad value is refused before anything is created", () => {
  test.each([
    [["-v", "/a:b"], 'the path in the container, "b", must be absolute'],
    [["-v", "/a:/b:ro,rw"], "invalid mode: ro,rw"],
    [["-v", "v1:/b:rshared"], "a propagation is for host paths"],
    [["-v", "/a:/b:nocopy"], "invalid mode: nocopy"],
    [["-v", "name"], "must be absolute"],
    [["-v", "/a:/b:idmap=x"], "is no id mapping"],
    [["--mount", "type=volume,source=../x,target=/a"], "is not a volume's name"],
    [["--mount", "type=volume,target=/a,volume-subpath=../x"], "must be within the mount"],
    [["--mount", "type=volume,target=/a,volume-subpath=/x"], "must be a relative path"],
    [["--mount", "type=tmpfs,target=/a,volume-nocopy"], "cannot mix 'volume-nocopy' with mount type 'tmpfs'"],
    [["--mount", "type=bind,source=/a,target=/b,bind-recursive=readonly"], "requires 'readonly'"],
    [["--mount", "type=bind,source=/a,target=/b,bind-recursive=maybe"], "invalid value for bind-recursive"],
    [["--mount", "type=image,target=/a"], "needs source=IMAGE"],
    [["-v", "/a:/b:rx"], "invalid mode: rx"],
    [["-v", "/a:/b:ro:x"], "use HOST-PATH:CONTAINER-PATH"],
    [["--mount", "type=bind,target=/b"], "a bind mount needs source"],
    [["--mount", "type=bind,source=/a"], "target is required"],
    [["--mount", "type=bind,source=a,target=/b"], "must be an absolute path"],
    [["--mount", "type=nfs,target=/b"], 'unknown mount type "nfs"'],
    [["--mount", "type=tmpfs,source=/a,target=/b"], "a tmpfs mount has no source"],
    [["--mount", "type=bind,source=/a,target=/b,frob=1"], "unexpected key 'frob'"],
    [["--mount", "type=bind,source=/a,target=/b,tmpfs-size=1"], "cannot mix 'tmpfs-size' with mount type 'bind'"],
    [["--mount", 'type=bind,"source=/a'], 'must end with "'],
    [["--tmpfs", "run"], "must be absolute"],
    [["--ulimit", "frob=1"], "invalid ulimit type: frob"],
    [["--ulimit", "nofile=5:2"], "must be less than or equal to the hard limit: 5 > 2"],
    [["--device", "fuse"], "use /dev/NAME"],
    [["--device", "/dev/a:/dev/b:x"], "is not made of r, w and m"],
    [["--device-cgroup-rule", "x 1:1 r"], "use TYPE MAJOR:MINOR ACCESS"],
    [["--device-read-bps", "sda:1"], "use a device and a rate"],
    [["--device-read-iops", "/dev/sda:1m"], "is not a rate"],
    [["--blkio-weight-device", "/dev/sda:5"], "is not 0 or between 10 and 1000"],
    [["--add-host", "x"], "use NAME:ADDRESS"],
    [["--add-host", "x:300.1.1.1"], '"300.1.1.1" is not an IP address'],
    [["--add-host", "x:1::2::3"], "is not an IP address"],
    [["--dns", "dns.example"], "is not an IP address"],
    [["--cpus", "many"], "is not a number such as 1.5"],
    [["--cpus", "0.1234567891"], "value is too precise"],
    [["-a", "stdlog"], "valid streams are STDIN, STDOUT and STDERR"],
    [["--pull", "sometimes"], 'use "always", "missing" or "never"'],
    [["--log-opt", "max-size=0"], "use --log-driver none"],
    [["--log-opt", "max-file=0"], "max-file is between 1 and 100"],
    [["--log-opt", "tag=x"], 'there is no option "tag"'],
  ])("%p: %p", async (args, message) => {
    const { code, stderr, engine } = await runFakeCli(["create", ...args, "image"]);
    expect(stderr).toContain(message);
    expect(stderr).toStartWith("invalid argument ");
    expect(code).toBe(125);
    expect(engine.calls).toEqual([]);
  });
});

describe("what docker has and wherry does not yet is named, with the way out", () => {
  test.each([
    [["-p", "80:80"], "--publish `80:80` is not implemented yet: use --network host"],
    [["-P"], "--publish-all"],
    [["--restart", "always"], "--restart `always` is not implemented yet"],
    [["--log-driver", "syslog"], "--log-driver `syslog`"],
    [["--gpus", "all"], "--gpus `all`"],
    [["--health-cmd", "true"], "no health checks"],
  ])("%p", async (args, message) => {
    const { code, stderr, engine } = await runFakeCli(["run", ...args, "image"]);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(125);
    expect(engine.calls).toEqual([]);
  });

  test("values that mean what is done anyway are accepted", async () => {
    const own = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
    await createdWith([
      "--restart=no",
      "--log-driver",
      "json-file",
      "--platform",
      own,
      "--no-healthcheck",
      "--disable-content-trust",
      "image",
    ]);
  });
});

describe("--cidfile", () => {
  test("gets the id, and a second run is refused", async () => {
    const path = join(directory, "cid");
    const first = await runFakeCli(["create", "--cidfile", path, "image"]);
    expect(readFileSync(path, "utf8")).toBe(first.stdout.trim());
    const second = await runFakeCli(["run", "--cidfile", path, "image"]);
    expect(second.stderr).toContain("container ID file found, make sure the other container isn't running or delete");
    expect(second.code).toBe(125);
    expect(second.engine.calls).toEqual([]);
  });

  test("is gone again when nothing was created", async () => {
    const path = join(directory, "cid-missing");
    expect((await runFakeCli(["run", "--cidfile", path, "missing"])).code).toBe(125);
    expect(() => readFileSync(path)).toThrow("ENOENT");
  });
});
