// The same registry for docker and Wherry: what one pushes the other pulls, under the same digest and id, with the same words.
// timeout: 300 s
import { afterAll, beforeAll, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { makeImageArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { TestRegistry } from "../support/test-registry.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "overlayfs", "busybox", "docker-registry", "dockerd", "docker-cli");
const isThere = test === bunTest;
const host = useWherryHost("pull-docker");
let directory = "";
let registryDirectory = "";
let registry: TestRegistry;
let daemon: StartedDaemon | undefined;
let socket = "";
let archive = "";

const docker = (...args: readonly string[]): string => run("docker", "-H", socket, ...args).trim();
const dockerFails = (...args: readonly string[]): string => spawnSync("docker", ["-H", socket, ...args], { encoding: "utf8" }).stderr;
/** Without the lines of layers, whose order is chance and of which docker has more. */
const withoutLayers = (output: string): readonly string[] => output.split("\n").filter((line) => !/^[0-9a-f]{12}: /.test(line));

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("pull-dockerd");
  registryDirectory = makeTestDirectory("pull-docker-registry");
  registry = await TestRegistry.start(registryDirectory);
  archive = makeImageArchive(directory);
  socket = `unix://${directory}/sock`;
  const state = [`--data-root=${directory}/data`, `--exec-root=${directory}/exec`, `--pidfile=${directory}/pid`, `--host=${socket}`];
  // Without bridge and iptables: the host's network stays as it is.
  daemon = await StartedDaemon.start(["dockerd", ...state, "--bridge=none", "--iptables=false"], {
    log: `${directory}/log`,
    isReady: () => spawnSync("docker", ["-H", socket, "version"], { stdio: "ignore" }).status === 0,
  });
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  await endEngine(daemon, directory);
  await registry[Symbol.asyncDispose]();
  run("rm", "-r", registryDirectory);
}, 60_000);

test("what docker pushes Wherry pulls: id, digest and words are docker's", async () => {
  const name = `${registry.host}/from/docker:1`;
  const id = docker("import", "--change", 'CMD ["/bin/echo", "by default"]', archive, name);
  const pushed = docker("push", name);
  docker("rmi", name);
  const pulled = docker("pull", name);
  expect(withoutLayers(await host.ok(["pull", name]))).toEqual(withoutLayers(pulled));
  expect(await host.ok(["images", "-q", "--no-trunc", name])).toBe(id);
  const digest = /digest: (\S+) size: \d+$/.exec(pushed)?.[1];
  expect(pulled).toContain(`Digest: ${digest}\n`);
  expect(withoutLayers(await host.ok(["pull", name]))).toEqual(withoutLayers(docker("pull", name)));
  expect(await host.ok(["run", "--rm", name])).toBe("by default");
});

test("what Wherry pushes docker pulls: id and digest are Wherry's, and a push again says what docker's says", async () => {
  const name = `${registry.host}/from/wherry:1`;
  await host.importPayload();
  await host.ok(["run", "--name", "changed", "payload", "exit", "0"]);
  await host.ok(["commit", "changed", name]);
  await host.ok(["rm", "changed"]);
  const pushed = await host.ok(["push", name]);
  const digest = /\n1: digest: (\S+) size: \d+$/.exec(pushed)?.[1];
  expect(docker("pull", name)).toContain(`Digest: ${digest}\n`);
  expect(docker("images", "-q", "--no-trunc", name)).toBe(await host.ok(["images", "-q", "--no-trunc", name]));
  expect(docker("inspect", "--format", "{{index .RepoDigests 0}}", name)).toBe(`${registry.host}/from/wherry@${digest}`);
  expect(withoutLayers(await host.ok(["push", name]))).toEqual([
    `The push refers to repository [${registry.host}/from/wherry]`,
    `1: digest: ${digest} size: ${/size: (\d+)$/.exec(pushed)?.[1]}`,
  ]);
});

test("an image that went through docker and back has the bytes it had", async () => {
  const first = `${registry.host}/round/trip:1`;
  const second = `${registry.host}/round/trip:2`;
  docker("import", archive, first);
  docker("push", "-q", first);
  await host.ok(["pull", "-q", first]);
  await host.ok(["tag", first, second]);
  const pushed = await host.ok(["push", second]);
  expect(pushed).toContain(": Layer already exists\n");
  const digest = /digest: (\S+) /.exec(pushed)?.[1];
  docker("rmi", first);
  expect(docker("pull", second)).toContain(`Digest: ${digest}\n`);
});

test("refusals are docker's", async () => {
  const name = `${registry.host}/from/docker`;
  const ours = async (...args: readonly string[]): Promise<string> => (await host.wherry(args)).stderr.replace(/^wherry: /, "");
  const theirs = (...args: readonly string[]): string => dockerFails(...args).replace(/^Error response from daemon: /, "");
  expect(await ours("pull", `${name}:nosuch`)).toBe(theirs("pull", `${name}:nosuch`));
  expect(await ours("pull", "-a", `${name}:1`)).toBe(theirs("pull", "-a", `${name}:1`));
  expect(await ours("pull", "UPPER")).toBe(theirs("pull", "UPPER"));
  expect(await ours("push", `${registry.host}/not/here:1`)).toBe(
    theirs("push", `${registry.host}/not/here:1`).replace(/^The push refers.*\n/, ""),
  );
});
