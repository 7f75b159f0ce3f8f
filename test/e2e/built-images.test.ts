// Images as the builders of the world make them: pulled and loaded, they are described as docker describes them, and do the same.
// timeout: 600 s
import { afterAll, beforeAll, describe, expect, test as bunTest } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type BuildPlace, builders, makeBuildContext, makeIndex, makeUmociLayout, removeBuilt } from "../support/image-builders.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { endEngine, StartedDaemon } from "../support/started-daemon.ts";
import { TestRegistry } from "../support/test-registry.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const hostPlatform = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
const daemons = ["root", "binary", "overlayfs", "busybox", "docker-registry", "dockerd", "docker-cli"];
const test = requires(...daemons, "buildah", "podman");
const testUmoci = requires(...daemons, "umoci", "skopeo");
const testDebian = requires(...daemons, "mmdebstrap");
const isThere = [test, testUmoci, testDebian].some((one) => one === bunTest);
const host = useWherryHost("built-images");
let place: BuildPlace = { directory: "", docker: "" };
let registryDirectory = "";
let registry: TestRegistry;
let daemon: StartedDaemon | undefined;

const docker = (...args: readonly string[]): string => run("docker", "-H", place.docker, ...args).trim();
const runFlags = ["run", "--rm", "--network", "none"];
/** What docker 20.10 shows of the container that a builder ran, and what the newest shows no more. */
const ofContainers = /^(?:Hostname|Domainname|Attach.*|Tty|OpenStdin|StdinOnce|Image|MacAddress)$/;
const compared = ["Id", "Comment", "Created", "DockerVersion", "Author", "Architecture", "Variant", "Os", "RootFS"];

function described(inspected: string): object {
  const [image = {}] = JSON.parse(inspected) as Record<string, unknown>[];
  const config = Object.entries(image["Config"] as object).filter(([name]) => !ofContainers.test(name));
  return { ...Object.fromEntries(compared.map((name) => [name, image[name]])), Config: Object.fromEntries(config) };
}

/** Sizes are left out: of symlinks docker counts the length or not, depending on who made the layer. */
const historyFlags = ["history", "--no-trunc", "--human=false", "--format", "{{.CreatedAt}} {{.CreatedBy}} {{.Comment}}"];

/** Pulls an image on both sides, and what both say of it must be the same; then docker's archive of it, too. */
async function comparePulled(name: string): Promise<void> {
  spawnSync("docker", ["-H", place.docker, "rmi", "-f", name]);
  docker("pull", "-q", name);
  const compare = async () => {
    expect(described(await host.ok(["image", "inspect", name]))).toEqual(described(docker("image", "inspect", name)));
    expect((await host.ok([...historyFlags, name])).trim()).toBe(docker(...historyFlags, name));
  };
  await host.ok(["pull", "-q", name]);
  await compare();
  await host.ok(["rmi", name]);
  docker("save", "-o", `${place.directory}/saved.tar`, name);
  await host.ok(["load", "-q", "-i", `${place.directory}/saved.tar`]);
  await compare();
}

beforeAll(async () => {
  if (!isThere) return;
  // Short: podman takes at most 50 characters.
  const directory = makeTestDirectory("built");
  registryDirectory = makeTestDirectory("built-registry");
  registry = await TestRegistry.start(registryDirectory);
  place = { directory, docker: `unix://${directory}/sock` };
  const state = [`--data-root=${directory}/data`, `--exec-root=${directory}/exec`, `--pidfile=${directory}/pid`, `--host=${place.docker}`];
  daemon = await StartedDaemon.start(["dockerd", ...state, "--bridge=none", "--iptables=false"], {
    log: `${directory}/log`,
    isReady: () => spawnSync("docker", ["-H", place.docker, "version"], { stdio: "ignore" }).status === 0,
  });
}, 60_000);

afterAll(async () => {
  if (!isThere) return;
  removeBuilt(place);
  await endEngine(daemon, place.directory);
  await registry[Symbol.asyncDispose]();
  run("rm", "-r", registryDirectory);
}, 60_000);

describe("of a Dockerfile with every instruction", () => {
  for (const [number, [builder, build]] of Object.entries(builders).entries()) {
    test(builder, async () => {
      const name = `${registry.host}/built/${number}:1`;
      await build(place, makeBuildContext(`${place.directory}/${number}`), name);
      await comparePulled(name);
      const ours = await host.ok([...runFlags, name]);
      expect(ours).toBe(docker(...runFlags, name));
      expect(ours).toContain("uid=1000(app)");
    }, 60_000);
  }
});

describe("umoci", () => {
  testUmoci(
    "a layout that was repacked and configured",
    async () => {
      const layout = makeUmociLayout(place.directory);
      const name = `${registry.host}/built/umoci:1`;
      run("skopeo", "copy", "-q", "--dest-tls-verify=false", `oci:${layout}:1`, `docker://${name}`);
      await comparePulled(name);
      const ours = await host.ok([...runFlags, name]);
      expect(ours).toBe(docker(...runFlags, name));
      expect(ours).toBe("uid=1000 gid=7 groups=7\numoci\nbusybox\ncat\nid\nls\nsh\n/w\nb");
      run("tar", "-C", layout, "-cf", `${place.directory}/umoci.tar`, ".");
      expect(await host.ok(["load", "-i", `${place.directory}/umoci.tar`])).toBe(
        `Loaded image ID: ${(JSON.parse(docker("image", "inspect", name)) as { Id: string }[])[0]?.Id}`,
      );
    },
    60_000,
  );
});

describe("buildah and podman", () => {
  test("an index for two platforms, with layers that were compressed with zstd", async () => {
    const [here, there, index] = ["here", "there", "index"].map((tag) => `${registry.host}/built/parts:${tag}`) as [string, string, string];
    const context = makeBuildContext(`${place.directory}/parts`);
    await builders["podman build, zstd"]?.(place, context, here);
    writeFileSync(`${context}/Dockerfile`, "FROM scratch\nCOPY busybox /bin/sh\n");
    await builders["buildah, OCI"]?.(place, context, there);
    makeIndex(place, index, { [hostPlatform]: here, "linux/s390x": there });
    await host.ok(["pull", "-q", index]);
    const id = ["image", "inspect", "--format", "{{.Id}}"];
    await host.ok(["pull", "-q", here]);
    expect(await host.ok([...id, index])).toBe(await host.ok([...id, here]));
    expect(await host.ok([...runFlags, index])).toContain("uid=1000(app)");
    const ofThere = await host.wherry(["run", "--rm", "--platform", "linux/s390x", index, "/bin/sh", "-c", "echo runs"]);
    // What the index says is for s390x is of this machine, and its configuration says so.
    expect(ofThere.stderr).toContain("does not match the specified platform: wanted linux/s390x");
    expect(await host.ok([...id, index])).toBe((await host.ok(["pull", "-q", there]), await host.ok([...id, there])));
  }, 60_000);
});

test("docker, buildah and podman build upon what is committed upon docker's image", async () => {
  const [from, committed] = ["from", "committed"].map((tag) => `${registry.host}/built/upon:${tag}`) as [string, string];
  await builders["docker's classic builder"]?.(place, makeBuildContext(`${place.directory}/upon`), from);
  await host.ok(["run", "--name", "upon", "--network", "none", "--pull", "always", "-q", "-u", "0", from, "echo committed > /etc/v"]);
  await host.ok(["commit", "upon", committed]);
  await host.ok(["rm", "-v", "upon"]);
  await host.ok(["push", "-q", committed]);
  const context = `${place.directory}/upon-it`;
  mkdirSync(context);
  writeFileSync(`${context}/Dockerfile`, `FROM ${committed}\nUSER 0\nRUN echo "$FOO" >> /etc/v\nCMD ["cat /etc/v"]\n`);
  for (const builder of ["docker's classic builder", "buildah, OCI", "buildah, docker's format", "podman build"]) {
    const name = `${registry.host}/built/upon:${Object.keys(builders).indexOf(builder)}`;
    await builders[builder]?.(place, context, name);
    expect(await host.ok([...runFlags, name])).toBe("committed\na b");
  }
}, 120_000);

describe("a Debian root file system", () => {
  testDebian(
    "has the same files, users and programs as in docker",
    async () => {
      const context = `${place.directory}/debian`;
      mkdirSync(context);
      run("mmdebstrap", "--quiet", "--variant=minbase", "bookworm", `${context}/root.tar`);
      const steps = ["useradd -m -s /bin/bash app", "dpkg --purge --force-all mawk && rm -r /usr/share/doc && mkdir /usr/share/doc"];
      writeFileSync(`${context}/Dockerfile`, `FROM scratch\nADD root.tar /\n${steps.map((step) => `RUN ${step}\n`).join("")}USER app\n`);
      const name = `${registry.host}/built/debian:1`;
      await builders["docker's classic builder"]?.(place, context, name);
      await comparePulled(name);
      // What engines put there themselves is left out, and when a directory that they mount in was changed.
      const skipped = ["/proc", "/sys", "/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv", "/etc/mtab"];
      const omit = skipped.map((path) => `-path ${path} -prune -o`).join(" ");
      const list = String.raw`-path / -o -type d -printf '%p %y %m %U %G\n' -o -printf '%p %y %m %U %G %s %T@ %n %l\n'`;
      const script = `find / -xdev ${omit} ${list} | sort | tee /dev/stderr | wc -l; id app; dpkg -l | tail -n 1`;
      const sums = `find / -xdev ${omit} -type f -print0 | sort -z | xargs -0 sha256sum`;
      for (const command of [script, sums]) {
        const flags = [...runFlags, "-u", "root", name, "bash", "-c", `LC_ALL=C; export LC_ALL; ( ${command} ) 2>&1`];
        const theirs = docker(...flags).split("\n");
        expect((await host.ok(flags)).split("\n")).toEqual(theirs);
        expect(theirs.length).toBeGreaterThan(3000);
      }
      expect(await host.ok([...runFlags, name, "bash", "-lc", "echo $USER $HOME; id -un"])).toBe(
        docker(...runFlags, name, "bash", "-lc", "echo $USER $HOME; id -un"),
      );
    },
    300_000,
  );
});
