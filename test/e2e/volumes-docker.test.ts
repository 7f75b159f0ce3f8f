// Volumes beside the real docker's: the same commands, the same content, the same answers. A daemon of its own.
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { describeTree, makeVolumeArchive } from "../support/volume-image.ts";
import { makeTestDirectory, useWherryHost, wherryProgram } from "../support/wherry-host.ts";

const test = requires("root", "binary", "overlayfs", "busybox", "dockerd", "docker-cli", "setfattr");
const isThere = test === bunTest;
const host = useWherryHost("volumes-wherry");
let directory = "";
let daemon: StartedDaemon | undefined;
let docker: readonly string[] = [];
let wherry: readonly string[] = [];

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("volumes-docker");
  const socket = `unix://${directory}/sock`;
  const state = [`--data-root=${directory}/data`, `--exec-root=${directory}/exec`, `--pidfile=${directory}/pid`, `--host=${socket}`];
  daemon = await StartedDaemon.start(
    ["dockerd", ...state, "--exec-opt=native.cgroupdriver=cgroupfs", "--bridge=none", "--iptables=false"],
    {
      log: `${directory}/log`,
      isReady: () => spawnSync("docker", ["-H", socket, "version"], { stdio: "ignore" }).status === 0,
    },
  );
  docker = ["docker", "-H", socket];
  wherry = [wherryProgram, ...host.selection];
  const archive = makeVolumeArchive(directory);
  for (const [program = "", ...args] of [docker, wherry])
    run(program, ...args, "import", "--change", "VOLUME /data", archive, "full:latest");
}, 60_000);

afterAll(async () => {
  if (isThere) await endEngine(daemon, directory);
}, 60_000);

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  /** Without who says it. */
  readonly stderr: string;
}

function call([program = "", ...globals]: readonly string[], args: readonly string[]): Answer {
  const { status, stdout, stderr } = spawnSync(program, [...globals, ...args], { encoding: "utf8" });
  return {
    code: status,
    stdout,
    stderr: stderr.replace(/^(docker|wherry): |^Error response from daemon: /gm, "").replace(/Error response from daemon: /, ""),
  };
}

/** Without what names the engine's own ids and directories. */
const anonymous = (text: string): string =>
  text
    .replace(/[0-9a-f]{64}/g, "ID")
    .replaceAll(`${directory}/data`, "ROOT")
    .replaceAll(host.root, "ROOT");
const both = (...args: string[]): { readonly docker: Answer; readonly wherry: Answer } => ({
  docker: call(docker, args),
  wherry: call(wherry, args),
});

describe("an image's content in a new volume", () => {
  const forms: readonly (readonly [string, readonly string[]])[] = [
    ["named", ["-v", "named:/data"]],
    ["throughlink", ["-v", "throughlink:/link"]],
    ["readonly", ["-v", "readonly:/data:ro"]],
    ["nocopy", ["-v", "nocopy:/data:nocopy"]],
    ["mounted", ["--mount", "type=volume,source=mounted,target=/data"]],
    ["nothing", ["-v", "nothing:/nowhere"]],
    ["deeper", ["-v", "deeper:/data/sub"]],
  ];
  test.each(forms)("%s", (name, flags) => {
    const { docker: one, wherry: other } = both("run", "--rm", "--network", "none", ...flags, "full", "true");
    expect(other).toEqual(one);
    // Directories' times are more than docker keeps.
    const tree = (root: string): string => describeTree(`${root}/volumes/${name}/_data`, { directoryTimes: false });
    expect(tree(host.root)).toBe(tree(`${directory}/data`));
  });

  test("keeps the times of directories, too", () => {
    expect(call(wherry, ["create", "-v", "times:/data", "full", "true"]).code).toBe(0);
    expect(describeTree(`${host.root}/volumes/times/_data`, { directoryTimes: true })).toBe(
      describeTree(`${directory}/volume-image/data`, { directoryTimes: true }),
    );
    expect(readdirSync(`${host.root}/volumes/times`)).toEqual(["_data"]);
  });

  test("comes only into an empty volume", () => {
    for (const script of ["echo own > /d/own", "true"])
      both("run", "--rm", "--network", "none", "-v", "used:/d", "full", "sh", "-c", script);
    const { docker: one, wherry: other } = both("run", "--rm", "--network", "none", "-v", "used:/data", "full", "ls", "/data");
    expect(other).toEqual(one);
    expect(other.stdout).toBe("own\n");
  });
});

test("inspect tells of mounts as docker does", () => {
  const flags = ["-v", "aa:/x", "-v", "/usr:/t:ro", "-v", "/plain", "-v", "bb:/y:ro", "--tmpfs", "/tt"];
  const volumes = ["--mount", "type=volume,source=cc,target=/m1,readonly", "--mount", "target=/m2"];
  const made = [
    both("create", "--pull", "never", "--name", "told", ...flags, ...volumes, "--mount", "type=tmpfs,target=/t2", "full", "true"),
    both("create", "--pull", "never", "--name", "giver", ...flags, ...volumes, "full", "true"),
    both("create", "--pull", "never", "--name", "given", "--volumes-from", "giver:ro", "full", "true"),
  ];
  for (const answers of made) expect(answers).toMatchObject({ docker: { stderr: "" }, wherry: { stderr: "" } });
  for (const name of ["told", "given"]) {
    const mounts = (engine: readonly string[]) => {
      const list = JSON.parse(anonymous(call(engine, ["inspect", "-f", "{{json .Mounts}}", name]).stdout)) as {
        readonly Destination: string;
      }[];
      return list.sort((a, b) => (a.Destination < b.Destination ? -1 : 1));
    };
    expect(mounts(wherry)).toEqual(mounts(docker));
    const config = (engine: readonly string[]) => {
      const [told] = JSON.parse(call(engine, ["inspect", name]).stdout) as [
        {
          readonly HostConfig: { readonly Binds: readonly string[] | null; readonly Mounts?: unknown };
          readonly Config: { readonly Volumes: unknown };
        },
      ];
      // Docker's order is that of a map in Go: none.
      return { binds: told.HostConfig.Binds?.toSorted(), mounts: told.HostConfig.Mounts, volumes: told.Config.Volumes };
    };
    expect(config(wherry)).toEqual(config(docker));
    const row = both("ps", "-a", "--filter", `name=${name}`, "--format", "{{.LocalVolumes}}");
    expect(row.wherry.stdout).toBe(row.docker.stdout);
  }
  for (const value of ["aa", "/x", "/usr", "nothing-such"]) {
    const found = both("ps", "-a", "--filter", `volume=${value}`, "--format", "{{.Names}}");
    expect(found.wherry.stdout).toBe(found.docker.stdout);
  }
  both("create", "--name", "holder", "-v", "dd:/d", "full", "true");
  const used = both("volume", "rm", "dd");
  expect({ ...used.wherry, stderr: anonymous(used.wherry.stderr) }).toEqual({ ...used.docker, stderr: anonymous(used.docker.stderr) });
  both("rm", "-v", "told", "giver", "given");
  const left = both("volume", "ls", "-q", "--filter", "name=^..$");
  expect(left.wherry.stdout).toBe(left.docker.stdout);
});

test("what is refused is refused in docker's words", () => {
  const commands: readonly (readonly string[])[] = [
    ["create", "-v", "/tmp:/x", "--tmpfs", "/x", "full", "true"],
    ["create", "-v", "a/b:/y", "full", "true"],
    ["create", "--volumes-from", "nobody", "full", "true"],
    ["volume", "create", "x"],
    ["volume", "create", "../up"],
    ["volume", "create", "-o", "bad=1", "vv"],
    ["volume", "create", "-o", "type=none", "vv"],
    ["volume", "create", "-o", "device=/tmp", "vv"],
    ["volume", "rm", "nobody"],
    ["volume", "inspect", "nobody"],
  ];
  for (const args of commands) {
    const answers = both(...args);
    expect({ args, ...answers.wherry }).toEqual({ args, ...answers.docker });
  }
});
