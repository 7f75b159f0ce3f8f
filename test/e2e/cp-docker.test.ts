// cp, diff and commit --change, beside the real docker: the same commands give the same files, the same exit code and, but for what is docker's own, the same words.
// timeout: 300 s
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { testCgroup } from "../support/test-cgroup.ts";
import { makeTestDirectory, useWherryHost, wherryProgram } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox", "dockerd", "docker-cli");
const isThere = test === bunTest;
const host = useWherryHost("cp-docker");
let daemon: StartedDaemon | undefined;
const directory = isThere ? makeTestDirectory("cp-docker-daemon") : "";
const socket = `unix://${directory}/sock`;
const here = `${host.directory}/here`;

const engines = {
  docker: ["docker", "-H", socket],
  wherry: [wherryProgram, ...host.selection],
} as const;
type EngineName = keyof typeof engines;

function call(
  engine: EngineName,
  ...args: readonly string[]
): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const [program, ...globals] = engines[engine];
  const { status, stdout, stderr } = spawnSync(program, [...globals, ...args], { cwd: here, encoding: "utf8", timeout: 60_000 });
  return { code: status, stdout, stderr: stderr.replace(/^(wherry|Error response from daemon|Error): /, "").trim() };
}

const both = <Result>(action: (engine: EngineName) => Result): { readonly docker: Result; readonly wherry: Result } => ({
  docker: action("docker"),
  wherry: action("wherry"),
});

function start(engine: EngineName): void {
  call(engine, "rm", "-f", "box");
  const cgroup = engine === "docker" ? ["--cgroup-parent", testCgroup(directory)] : [];
  expect(
    call(engine, "run", "-d", "--name", "box", ...cgroup, "--network", "none", "-e", "PATH=/bin", "base", "sleep", "100000"),
  ).toMatchObject({ code: 0 });
  const script =
    "mkdir -p /d/sub /e; echo 1 > /d/a; echo 2 > /d/sub/b; echo f > /f; ln -s /d /ld; ln -s f /lf; ln -s /new /dnew; ln /d/a /d/hard";
  expect(call(engine, "exec", "box", "sh", "-c", script)).toMatchObject({ code: 0 });
}

function makeHere(): void {
  rmSync(here, { recursive: true, force: true });
  mkdirSync(`${here}/src/sub`, { recursive: true });
  mkdirSync(`${here}/dst`);
  for (const [path, text] of Object.entries({ "src/x": "x", "src/sub/y": "y", file: "file" })) writeFileSync(`${here}/${path}`, text);
  for (const [path, target] of Object.entries({ lfile: "file", lsrc: "src", ldst: "dst", lnew: "new" }))
    symlinkSync(target, `${here}/${path}`);
}

const listHere = () => spawnSync("sh", ["-c", "find . -printf '%P %y %l\\n' | sort; cat file"], { cwd: here, encoding: "utf8" }).stdout;
const listThere = (engine: EngineName) =>
  call(
    engine,
    "exec",
    "box",
    "sh",
    "-c",
    "find /d /e /f /ld /lf /new* 2>/dev/null | sort | while read p; do stat -c '%N %F' $p; done; cat /f",
  ).stdout;

beforeAll(async () => {
  if (!isThere) return;
  makeHere();
  const state = [`--data-root=${directory}/data`, `--exec-root=${directory}/exec`, `--pidfile=${directory}/pid`, `--host=${socket}`];
  daemon = await StartedDaemon.start(
    ["dockerd", ...state, "--exec-opt=native.cgroupdriver=cgroupfs", "--bridge=none", "--iptables=false"],
    { log: `${directory}/log`, isReady: () => spawnSync("docker", ["-H", socket, "version"], { stdio: "ignore" }).status === 0 },
  );
  await host.ok(["create", "--name", "root", "base"]);
  await host.ok(["export", "-o", `${directory}/base.tar`, "root"]);
  run("docker", "-H", socket, "import", `${directory}/base.tar`, "base");
}, 90_000);

afterAll(async () => {
  if (isThere) await endEngine(daemon, directory);
}, 60_000);

test("cp out of a container", () => {
  both(start);
  const sources = ["/f", "/d", "/d/", "/d/.", "/ld", "/ld/", "/ld/.", "/lf", "../../d/sub", "/nope"];
  const destinations = [".", "dst", "dst/", "new", "new/", "file", "ldst", "lnew"];
  for (const [index, source] of sources.entries()) {
    for (const destination of destinations.filter((_, at) => (at + index) % 2 === 0)) {
      for (const flags of index % 3 === 0 ? [[], ["-L"]] : [[]]) {
        const { docker, wherry } = both((engine) => {
          makeHere();
          const { code, stderr } = call(engine, "cp", ...flags, `box:${source}`, destination);
          return { code, stderr, files: listHere() };
        });
        expect({ command: [...flags, source, destination], ...wherry }).toEqual({ command: [...flags, source, destination], ...docker });
      }
    }
  }
}, 200_000);

test("cp into a container", () => {
  const commands = [
    ["file", "/"],
    ["file", "/newf"],
    ["file", "/f"],
    ["file", "/lf"],
    ["file", "/ld"],
    ["file", "/dnew"],
    ["file", "/no/dir"],
    ["src", "/e"],
    ["src", "/new"],
    ["src/.", "/e"],
    ["src/.", "/new/"],
    ["lfile", "/e"],
    ["-L", "lsrc", "/e"],
    ["lsrc/", "/new"],
  ] as const;
  for (const command of commands) {
    const [destination = "", ...rest] = [...command].reverse();
    const { docker, wherry } = both((engine) => {
      makeHere();
      start(engine);
      const { code, stderr } = call(engine, "cp", ...rest.reverse(), `box:${destination}`);
      return { code, stderr, files: listThere(engine) };
    });
    expect({ command, ...wherry }).toEqual({ command, ...docker });
  }
}, 200_000);

test("diff", () => {
  const script = `echo a > /a; mkdir -p /x/y/z; echo b > /x/y/z/f; rm /etc/group; echo c >> /etc/passwd; chmod 700 /home; rm -r /usr/share
    mkdir /usr/share; echo q > /usr/share/q; ln -s a /la; mkfifo /p; touch /etc/profile; mv /opt /opt2; rm -r /srv; echo > /srv; rm /bin/vi
    mkdir /bin/vi; cp -p /bin/busybox /bin/bb2; mkdir /mnt/d; rmdir /mnt/d; chown 3 /var/log`;
  const { docker, wherry } = both((engine) => {
    start(engine);
    call(engine, "exec", "box", "sh", "-c", script);
    return call(engine, "diff", "box").stdout.split("\n").sort();
  });
  expect(wherry).toEqual(docker);
}, 60_000);

test("commit --change", () => {
  both(start);
  const changes = [
    "CMD a b",
    "CMD []",
    'ENTRYPOINT ["x"]',
    "ENV A=$PATH B='$C'",
    "ENV A",
    "EXPOSE 80:90",
    "LABEL a=b c",
    "HEALTHCHECK --retries=0 CMD x",
  ];
  for (const change of [
    ...changes,
    "HEALTHCHECK --interval=5s CMD x",
    "WORKDIR x",
    'VOLUME ["/a b"]',
    "RUN x",
    "ONBUILD FROM x",
    "ENV A=1\\\n B=2",
  ]) {
    const { docker, wherry } = both((engine) => {
      const { code, stderr } = call(engine, "commit", "-c", change, "box", "changed");
      if (code !== 0) return { code, stderr };
      const [image] = JSON.parse(call(engine, "image", "inspect", "changed").stdout) as [{ readonly Config: Record<string, unknown> }];
      const { Env, Cmd, Entrypoint, ExposedPorts, Labels, Healthcheck, WorkingDir, Volumes } = image.Config;
      return { Env, Cmd, Entrypoint, ExposedPorts, Labels: Labels ?? {}, Healthcheck, WorkingDir, Volumes };
    });
    expect({ change, ...wherry }).toEqual({ change, ...docker });
  }
}, 60_000);
