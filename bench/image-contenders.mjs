// Who is measured with images, and how each is asked for the same thing. Each has its own state beneath `directory`.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { startDockerd } from "./dockerd.mjs";
import { removeInstanceCgroups } from "../scripts/instance-cgroups.mjs";
import { timeProcess } from "./measure.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const installed = (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const versionOf = (program, ...args) => /\d+\.\d+[.\d]*/.exec(spawnSync(program, args, { encoding: "utf8" }).stdout ?? "")?.[0] ?? "";
export const quietly = (program, ...args) =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 << 20 }).trim();

/** The change that is committed: 1,000 files of the image, each a byte longer. */
const change = 'find /usr/share /usr/lib -type f -size -64k | head -n 1000 | while read -r file; do echo >>"$file"; done';

/** Debian's docker-registry, on a free port of the loopback interface. */
export async function startRegistry(directory) {
  const port = await freePort();
  mkdirSync(`${directory}/registry`);
  const config = `${directory}/registry.yml`;
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/registry}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
  );
  const log = openSync(`${directory}/registry.log`, "w");
  const server = spawn("docker-registry", ["serve", config], { stdio: ["ignore", log, log] });
  const host = `127.0.0.1:${port}`;
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (
      await fetch(`http://${host}/v2/`)
        .then((reply) => reply.ok)
        .catch(() => false)
    )
      break;
  }
  return { host, close: () => server.kill("SIGTERM") };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * The contenders present on this machine: `{ name, note, load(archive), pull(reference), firstStart(reference), commit(reference), clear(reference), disk(),
 * close() }`. `load`, `pull` and `firstStart` are argument lists to be timed, `commit` returns milliseconds, `disk` bytes.
 */
export function imageContenders(directory, { chosen }) {
  const makers = {
    wherry: () => wherry(directory, "wherry"),
    "wherry-dropping": () => wherry(directory, "wherry-dropping"),
    docker: () => docker(directory),
    podman: () => podman(directory),
    skopeo: () => skopeo(directory),
    umoci: () => umoci(directory),
  };
  const made = [];
  for (const [name, make] of Object.entries(makers)) {
    if (chosen !== undefined && !chosen.includes(name)) continue;
    if (name.startsWith("wherry") || installed(name === "docker" ? "dockerd" : name)) made.push(make());
  }
  return made;
}

const diskOf = (path) => Number(quietly("du", "-s", "--block-size=1", path).split("\t")[0]);

/** The part that engines share. */
function engine(base, { name, note, disk, flags = [], pullFlags = [], prune }) {
  const call = (...args) => quietly(base[0], ...base.slice(1), ...args);
  return {
    name,
    note,
    load: (archive) => [...base, "load", "-q", "-i", archive],
    pull: (reference) => [...base, "pull", "-q", ...pullFlags, reference],
    firstStart: (reference) => [...base, "run", ...flags, "--rm", "--network", "none", reference, "/bin/true"].filter(Boolean),
    commit: (reference) => {
      call("run", ...flags, "--network", "none", "--name", "changed", reference, "/bin/sh", "-c", change);
      try {
        return timeProcess([...base, "commit", "-q", "changed", "committed:1"].filter((word) => name === "podman" || word !== "-q"));
      } finally {
        call("rm", "-f", "changed");
        call("rmi", "-f", "committed:1");
      }
    },
    clear: (reference) => {
      spawnSync(base[0], [...base.slice(1), "rmi", "-f", reference]);
      prune?.(call);
    },
    disk: () => diskOf(disk),
  };
}

/** By its defaults, or without keeping the compressed layers that it was sent. */
function wherry(directory, name) {
  const dropping = name === "wherry" ? [] : ["env", "WHERRY_KEEP_COMPRESSED=0"];
  const base = [...dropping, `${repository}/dist/wherry`, "--root", `${directory}/${name}`, "--run-root", `${directory}/${name}-run`];
  mkdirSync(`${directory}/${name}`);
  const version = quietly(base[0], ...base.slice(1), "version", "--format", "{{.Client.Version}}").split("\n")[0];
  const driver = quietly(base[0], ...base.slice(1), "info", "--format", "{{.Driver}}");
  const note = `${version}, layers by the driver ${driver}${name === "wherry" ? "" : "; WHERRY_KEEP_COMPRESSED=0"}`;
  return { ...engine(base, { name, note, disk: `${directory}/${name}` }), close: () => removeInstanceCgroups(base) };
}

function podman(directory) {
  const base = [
    "podman",
    "--root",
    `${directory}/podman`,
    "--runroot",
    `${directory}/podman-run`,
    "--cgroup-manager",
    "cgroupfs",
    "--runtime",
    "runc",
  ];
  // Its default limits are above what a machine without CAP_SYS_RESOURCE may set; its crun refuses a hybrid host.
  const flags = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
  mkdirSync(`${directory}/podman`);
  return engine(base, {
    name: "podman",
    note: versionOf("podman", "--version"),
    disk: `${directory}/podman`,
    flags,
    pullFlags: ["--tls-verify=false"],
  });
}

function docker(directory) {
  const { base, close } = startDockerd(directory);
  const note = `dockerd ${versionOf("dockerd", "--version")}, a daemon of its own`;
  return { ...engine(base, { name: "docker", note, disk: `${directory}/docker` }), close };
}

/** Fetches only; nothing is unpacked. */
function skopeo(directory) {
  const target = `${directory}/skopeo`;
  return {
    name: "skopeo",
    note: `${versionOf("skopeo", "--version")}: copies the blobs, unpacks nothing`,
    pull: (reference) => ["skopeo", "copy", "--quiet", "--src-tls-verify=false", `docker://${reference}`, `oci:${target}:1`],
    clear: () => rmSync(target, { recursive: true, force: true }),
  };
}

/** Unpacks only, what skopeo has fetched. */
function umoci(directory) {
  const layout = `${directory}/umoci`;
  const bundle = `${directory}/umoci-bundle`;
  return {
    name: "umoci",
    note: `${versionOf("umoci", "--version")}: unpacks an archive that has become an OCI layout untimed`,
    load: (archive) => {
      quietly("skopeo", "copy", "--quiet", `docker-archive:${archive}`, `oci:${layout}:1`);
      return ["umoci", "unpack", "--image", `${layout}:1`, bundle];
    },
    clear: () => [layout, bundle].map((path) => rmSync(path, { recursive: true, force: true })),
  };
}
