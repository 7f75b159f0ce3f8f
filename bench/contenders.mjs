// Who is measured, and how each is asked for the same thing: the static payload as a container's only process. Each contender has its
// own state beneath `directory`; nothing that was on this machine before is touched.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startDockerd } from "./dockerd.mjs";
import { removeInstanceCgroups } from "../scripts/instance-cgroups.mjs";

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const payload = `${repository}/test/payload/build/payload`;
const succeed = ["/payload", "exit", "0"];
const idle = ["/payload", "sleep"];

const installed = (program) => spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim() || undefined;
const versionOf = (program, ...args) => /\d+\.\d+[.\d]*/.exec(spawnSync(program, args, { encoding: "utf8" }).stdout ?? "")?.[0] ?? "";
const quietly = (program, ...args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();

/** A root file system with the payload alone. */
function makeRoot(path) {
  for (const name of ["proc", "sys", "dev", "tmp", "etc", "run"]) mkdirSync(`${path}/${name}`, { recursive: true });
  copyFileSync(payload, `${path}/payload`);
  writeFileSync(`${path}/etc/passwd`, "root:x:0:0:root:/:/payload\n");
  return path;
}

function archiveOf(directory) {
  const archive = `${directory}/image.tar`;
  if (!existsSync(archive)) {
    quietly("tar", "-C", makeRoot(`${directory}/image-root`), "--owner=0", "--group=0", "-cf", archive, ".");
  }
  return archive;
}

/**
 * The contenders present on this machine. Each: `{ name, note, run(n), prepareCreate, create(n), start(n), startIdle(n), exec(n), remove(n), pid(n), close() }`;
 * commands are argument lists to be timed, the rest is done untimed. A missing command is not measured. `chosen`: names, or undefined for all.
 */
export function contenders(directory, { chosen, layers }) {
  const makers = {
    floor: () => [floor(directory, false), floor(directory, true)],
    wherry: () => [wherry(directory, layers)],
    "wherry oci": () => [ociRuntime(directory, "wherry-oci", wherryOci(directory))],
    runc: () => (installed("runc") ? [ociRuntime(directory, "runc")] : []),
    crun: () => (installed("crun") ? [ociRuntime(directory, "crun")] : []),
    lxc: () => (installed("lxc-start") ? [lxc(directory)] : []),
    podman: () => (installed("podman") ? [podman(directory)] : []),
    docker: () => (installed("dockerd") ? [docker(directory)] : []),
  };
  return Object.entries(makers).flatMap(([name, make]) => (chosen === undefined || chosen.includes(name) ? make() : []));
}

function floor(directory, network) {
  const root = makeRoot(`${directory}/floor-root`);
  const work = `${directory}/floor-${network ? "net" : "bare"}`;
  mkdirSync(work, { recursive: true });
  return {
    name: network ? "C floor, with a network namespace" : "C floor",
    note: "bench/floor.c: namespaces, mounts, exec; nothing else",
    run: () => [`${repository}/bench/build/floor`, root, work, ...(network ? ["net"] : [])],
  };
}

function wherry(directory, layers) {
  const base = [`${repository}/dist/wherry`, "--root", `${directory}/wherry`, "--run-root", `${directory}/wherry-run`];
  const call = (...args) => quietly(base[0], ...base.slice(1), ...args);
  call("import", archiveOf(directory), "layer1");
  // Five layers, as an ordinary image has.
  for (let layer = 2; layer <= layers; layer++) {
    call("run", "--name", "layering", `layer${layer - 1}`, "/payload", "try", "create", `/file${layer}`, "x");
    call("commit", "layering", `layer${layer}`);
    call("rm", "layering");
  }
  const image = `layer${layers}`;
  return {
    name: "wherry",
    note: `${call("version", "--format", "{{.Client.Version}}").split("\n")[0]}; all defaults on: seccomp, capabilities, cgroup, log, state; ${layers} layers`,
    run: () => [...base, "run", "--rm", "--network", "none", image, ...succeed],
    create: (n) => [...base, "create", "--network", "none", "--name", `made${n}`, image, ...succeed],
    start: (n) => [...base, "start", `made${n}`],
    removeCreated: (n) => call("rm", "-f", `made${n}`),
    startIdle: (n) => call("run", "-d", "--network", "none", "--name", `idle${n}`, image, ...idle),
    exec: (n) => [...base, "exec", `idle${n}`, ...succeed],
    pid: (n) => Number(call("inspect", "--format", "{{.State.Pid}}", `idle${n}`)),
    removeIdle: (n) => call("rm", "-f", `idle${n}`),
    close: () => removeInstanceCgroups(base),
  };
}

/** By the name that makes it an OCI runtime. */
function wherryOci(directory) {
  const link = `${directory}/wherry-oci`;
  if (!existsSync(link)) symlinkSync(`${repository}/dist/wherry`, link);
  return link;
}

/** Runtimes with runc's command line, as `bench/oci.mjs` asks them. */
export function ociContenders(directory) {
  const others = ["runc", "crun"].filter(installed).map((name) => ociRuntime(directory, name));
  return [ociRuntime(directory, "wherry-oci", wherryOci(directory)), ...others];
}

/** As engines name containers. */
const idOf = (word, n) => createHash("sha256").update(`${word}${n}`).digest("hex");

function ociRuntime(directory, name, program = name) {
  const base = [program, "--root", `${directory}/${name}-state`];
  const bundle = (label, args) => {
    const path = `${directory}/${name}-${label}`;
    if (existsSync(path)) return path;
    makeRoot(`${path}/rootfs`);
    execFileSync(program, ["spec"], { cwd: path });
    const config = JSON.parse(readFileSync(`${path}/config.json`, "utf8"));
    Object.assign(config.process, { terminal: false, args });
    config.root.readonly = false;
    writeFileSync(`${path}/config.json`, JSON.stringify(config));
    return path;
  };
  const once = bundle("once", succeed);
  // crun 1.8 refuses a hybrid host whose v2 hierarchy has a controller: it gets a mount namespace in which that hierarchy is not mounted.
  const hidden = name === "crun" && existsSync("/sys/fs/cgroup/unified") ? hideUnifiedHierarchy() : undefined;
  const command = hidden === undefined ? base : ["nsenter", `--mount=${hidden.mounts}`, ...base];
  const call = (...args) => quietly(command[0], ...command.slice(1), ...args);
  return {
    name,
    ...hidden,
    note: `${versionOf(program, "--version")}; a bare bundle: no image, layers, log or seccomp`,
    run: (n) => [...base, "run", "--bundle", once, idOf("run", n)],
    create: (n) => [...base, "create", "--bundle", once, idOf("made", n)],
    start: (n) => [...base, "start", idOf("made", n)],
    state: (n) => [...base, "state", idOf("made", n)],
    stop: (n) => {
      // `succeed` ends by itself.
      for (const end = Date.now() + 10_000; Date.now() < end && JSON.parse(call("state", idOf("made", n))).status !== "stopped"; ) {
        spawnSync("sleep", ["0.005"]);
      }
    },
    delete: (n) => [...base, "delete", idOf("made", n)],
    removeCreated: (n) => call("delete", "--force", idOf("made", n)),
    startIdle: (n) =>
      execFileSync(command[0], [...command.slice(1), "run", "--detach", "--bundle", bundle("idle", idle), `idle${n}`], { stdio: "ignore" }),
    exec: (n) => [...base, "exec", `idle${n}`, ...succeed],
    pid: (n) => JSON.parse(call("state", `idle${n}`)).pid,
    removeIdle: (n) => call("delete", "--force", `idle${n}`),
  };
}

function hideUnifiedHierarchy() {
  const holder = spawn(
    "unshare",
    ["--mount", "--propagation=private", "sh", "-c", "umount /sys/fs/cgroup/unified && echo ready && exec sleep infinity"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const mounts = `/proc/${holder.pid}/ns/mnt`;
  const visible = () => spawnSync("nsenter", [`--mount=${mounts}`, "mountpoint", "-q", "/sys/fs/cgroup/unified"]).status === 0;
  for (const end = Date.now() + 5_000; Date.now() < end && visible(); ) spawnSync("sleep", ["0.01"]);
  return { mounts, close: () => holder.kill("SIGKILL") };
}

function lxc(directory) {
  const path = `${directory}/lxc`;
  const root = makeRoot(`${directory}/lxc-root`);
  const define = (name, command) => {
    mkdirSync(`${path}/${name}`, { recursive: true });
    const lines = [
      `lxc.rootfs.path = dir:${root}`,
      `lxc.uts.name = ${name}`,
      "lxc.net.0.type = empty",
      `lxc.init.cmd = ${command.join(" ")}`,
    ];
    writeFileSync(`${path}/${name}/config`, `${lines.join("\n")}\nlxc.mount.auto = proc:mixed sys:mixed\n`);
  };
  define("once", succeed);
  return {
    name: "lxc",
    note: `${versionOf("lxc-start", "--version")}; a bare root file system`,
    run: () => ["lxc-start", "-P", path, "-n", "once", "-F"],
    startIdle: (n) => {
      define(`idle${n}`, idle);
      quietly("lxc-start", "-P", path, "-n", `idle${n}`);
    },
    exec: (n) => ["lxc-attach", "-P", path, "-n", `idle${n}`, "--", ...succeed],
    pid: (n) => Number(quietly("lxc-info", "-P", path, "-n", `idle${n}`, "-p", "-H")),
    removeIdle: (n) => quietly("lxc-stop", "-P", path, "-n", `idle${n}`, "-k"),
  };
}

/** The part that docker and podman share. */
function dockerLike(base, directory, { note, flags = [] }) {
  const call = (...args) => quietly(base[0], ...base.slice(1), ...args);
  call("import", archiveOf(directory), "bench:1");
  return {
    name: base[0],
    note,
    run: () => [...base, "run", ...flags, "--rm", "--network", "none", "bench:1", ...succeed],
    create: (n) => [...base, "create", ...flags, "--network", "none", "--name", `made${n}`, "bench:1", ...succeed],
    start: (n) => [...base, "start", `made${n}`],
    removeCreated: (n) => call("rm", "-f", `made${n}`),
    startIdle: (n) => call("run", ...flags, "-d", "--network", "none", "--name", `idle${n}`, "bench:1", ...idle),
    exec: (n) => [...base, "exec", `idle${n}`, ...succeed],
    pid: (n) => Number(call("inspect", "--format", "{{.State.Pid}}", `idle${n}`)),
    removeIdle: (n) => call("rm", "-f", `idle${n}`),
  };
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
  return dockerLike(base, directory, { note: `${versionOf("podman", "--version")} with runc`, flags });
}

function docker(directory) {
  const { base, close } = startDockerd(directory);
  return { ...dockerLike(base, directory, { note: `dockerd ${versionOf("dockerd", "--version")}, a daemon of its own` }), close };
}
