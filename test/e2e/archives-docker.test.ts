// Archives between docker and wherry, both ways: names, configurations and layers are the same on both sides.
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { openSync, writeFileSync } from "node:fs";
import { makeImageArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { inspectImage, makeTwoImages, readInspected } from "../support/interchange.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { makeTestDirectory, useWherryHost, wherryProgram } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "busybox", "overlayfs", "dockerd", "docker-cli");
const isThere = test === bunTest;
const host = useWherryHost("archives-docker");
let directory = "";
let socket = "";
let daemon: StartedDaemon | undefined;
const docker = (...args: readonly string[]): string => run("docker", "-H", socket, ...args).trim();
const dockerSees = (reference: string) => readInspected(docker("image", "inspect", reference));

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("archives-docker-daemon");
  socket = `unix://${directory}/sock`;
  const state = [`--data-root=${directory}/data`, `--exec-root=${directory}/exec`, `--pidfile=${directory}/pid`, `--host=${socket}`];
  daemon = await StartedDaemon.start(["dockerd", ...state, "--bridge=none", "--iptables=false"], {
    log: `${directory}/log`,
    isReady: () => spawnSync("docker", ["-H", socket, "version"], { stdio: "ignore" }).status === 0,
  });
  docker("import", "--change", "ENV WHO=docker", makeImageArchive(directory), "docker:1");
  docker("create", "--name", "change", "docker:1", "sh");
  writeFileSync(`${directory}/added`, "two\n");
  docker("cp", `${directory}/added`, "change:/added");
  docker("commit", "--change", "LABEL step=two", "change", "docker:2");
  docker("tag", "docker:2", "example.com/other/name:x");
  await makeTwoImages(host);
}, 120_000);

afterAll(async () => {
  if (!isThere) return;
  await endEngine(daemon, directory);
}, 60_000);

describe("docker save, wherry load", () => {
  test("several images with a shared layer, from a file", async () => {
    docker("save", "-o", `${directory}/two.tar`, "docker:1", "docker:2", "example.com/other/name:x");
    const said = await host.ok(["load", "-i", `${directory}/two.tar`]);
    expect(said.split("\n").sort()).toEqual(["docker:1", "docker:2", "example.com/other/name:x"].map((name) => `Loaded image: ${name}`));
    for (const name of ["docker:1", "docker:2", "example.com/other/name:x"])
      expect(await inspectImage(host, name)).toEqual(dockerSees(name));
    expect(await host.ok(["run", "--rm", "--network", "none", "docker:2", "sh", "-c", "cat /added; echo $WHO"])).toBe("two\ndocker");
    await host.ok(["rmi", "docker:1", "docker:2", "example.com/other/name:x"]);
  });

  test("compressed, from standard input; an image without a name is told by its id", async () => {
    const { id } = dockerSees("docker:1");
    run("sh", "-c", `docker -H ${socket} save ${id} | gzip -1 > ${directory}/one.tar.gz`);
    const loaded = spawnSync("sh", ["-c", `cat ${directory}/one.tar.gz | ${[wherryProgram, ...host.selection].join(" ")} load -q`], {
      encoding: "utf8",
    });
    expect(loaded).toMatchObject({ status: 0, stdout: `Loaded image ID: ${id}\n`, stderr: "" });
    const again = spawnSync(wherryProgram, [...host.selection, "load"], {
      encoding: "utf8",
      stdio: [openSync(`${directory}/one.tar.gz`, "r"), "pipe", "pipe"],
    });
    expect(again.stdout).toBe(`Loaded image ID: ${id}\n`);
    await host.ok(["rmi", id]);
  });

  test("a name that another image had is told as docker tells it", async () => {
    const old = (await inspectImage(host, "wherry:1")).id;
    await host.ok(["tag", "wherry:1", "docker:1"]);
    docker("save", "-o", `${directory}/renamed.tar`, "docker:1");
    expect(await host.ok(["load", "-i", `${directory}/renamed.tar`])).toBe(
      `The image docker:1 already exists, renaming the old one with ID ${old} to empty string\nLoaded image: docker:1`,
    );
    await host.ok(["rmi", "docker:1"]);
  });
});

describe("wherry save, docker load", () => {
  for (const format of ["docker", "both"]) {
    test(`--format ${format}`, async () => {
      await host.ok(["save", "--format", format, "-o", `${directory}/ours-${format}.tar`, "wherry"]);
      expect(docker("load", "-i", `${directory}/ours-${format}.tar`).split("\n").sort()).toEqual([
        "Loaded image: wherry:1",
        "Loaded image: wherry:2",
      ]);
      for (const name of ["wherry:1", "wherry:2"]) expect(dockerSees(name)).toEqual(await inspectImage(host, name));
      docker("create", "--name", "back", "wherry:2");
      docker("cp", "back:/added", `${directory}/back`);
      expect(run("cat", `${directory}/back`)).toBe("two\n");
      docker("rm", "back");
      docker("rmi", "wherry:1", "wherry:2");
    });
  }

  test("there and back again is the same image", async () => {
    await host.ok(["save", "-o", `${directory}/there.tar`, "wherry:2"]);
    docker("load", "-i", `${directory}/there.tar`);
    docker("save", "-o", `${directory}/back.tar`, "wherry:2");
    const before = await inspectImage(host, "wherry:2");
    await host.ok(["rmi", "-f", "wherry:2"]);
    await host.ok(["load", "-i", `${directory}/back.tar`]);
    expect(await inspectImage(host, "wherry:2")).toEqual(before);
  });
});

test("what docker refuses or tells, wherry does in the same way", async () => {
  expect(await host.wherry(["save", "no-such-image"])).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("No such image"),
  });
  const terminal = host.terminal(["save", "wherry:1"]);
  await terminal.sees(/cowardly refusing to save to a terminal. Use the -o flag or redirect/);
  expect(await terminal.exited).toBe(1);
  await terminal[Symbol.asyncDispose]();
  expect(await host.wherry(["load", "-i", "/no/such/file"])).toMatchObject({ code: 1 });
});

test("on a terminal the layers are shown as they are read", async () => {
  const terminal = host.terminal(["load", "-i", `${directory}/two.tar`]);
  await terminal.sees(/[0-9a-f]{12}: Loaded/);
  await terminal.sees(/Loaded image: docker:2/);
  expect(await terminal.exited).toBe(0);
  await terminal[Symbol.asyncDispose]();
});
