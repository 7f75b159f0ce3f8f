import { afterAll, beforeAll, describe, expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { detectCgroupLayout } from "../../src/kernel/cgroup-layout.ts";
import { compileDeviceProgram } from "../../src/plan/cgroups/device-program.ts";
import { parseDeviceRules } from "../../src/plan/cgroups/device-rules.ts";
import type { OciDeviceRule } from "../../src/plan/oci-config.ts";
import { requires } from "../support/requires.ts";

// Also a hybrid host has a v2 hierarchy to which a program can be attached.
const test = requires("root", "python3");

/** The distribution's own where it is: a version manager's wrapper takes seconds in an emulator. */
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** Loads FILE as a device program, attaches it to DIRECTORY, enters, and tells for each argument PATH:MODE whether it opens. */
const loader = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
NR = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(120, b"\\0"), 120)
    result = libc.syscall(NR, command, buffer, 120)
    if result < 0:
        sys.exit("bpf(%d): %s %s" % (command, os.strerror(ctypes.get_errno()), log.value.decode()))
    return result
log = ctypes.create_string_buffer(1 << 22)
program = ctypes.create_string_buffer(open(sys.argv[1], "rb").read())
license = ctypes.create_string_buffer(b"Apache-2.0")
address = ctypes.addressof
fd = bpf(5, struct.pack("IIQQIIQ", 15, (len(program) - 1) // 8, address(program), address(license), 1, len(log), address(log)))
directory = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY)
bpf(8, struct.pack("IIII", directory, fd, 6, 2))
open(sys.argv[2] + "/cgroup.procs", "w").write("0")
for request in sys.argv[3:]:
    path, mode = request.rsplit(":", 1)
    try:
        os.close(os.open(path, {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}[mode]))
        print(request, "yes")
    except PermissionError:
        print(request, "no")
try:
    os.mknod("/tmp/wherry-node-%d" % os.getpid(), 0o20600, os.makedev(1, 5))
    os.unlink("/tmp/wherry-node-%d" % os.getpid())
    print("mknod yes")
except PermissionError:
    print("mknod no")
`;

describe("compileDeviceProgram() in the kernel", () => {
  const layout = detectCgroupLayout();
  const v2 = layout.hierarchies.find(({ version }) => version === 2);
  const group = `${v2?.mountPoint}/wherry-devices${process.pid}`;
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(`${tmpdir()}/wherry-devices-`);
    if (v2 !== undefined) mkdirSync(group);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
    if (v2 !== undefined) rmdirSync(group);
  });

  function attempt(rules: readonly OciDeviceRule[], ...requests: readonly string[]): readonly string[] {
    const program = compileDeviceProgram(parseDeviceRules(rules));
    if (program === null) throw new Error("no program to test");
    writeFileSync(`${directory}/program`, program);
    const run = spawnSync(python, ["-c", loader, `${directory}/program`, group, ...requests], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(run.stderr);
    // What is attached several times must all agree: the next attempt gets a fresh group.
    rmdirSync(group);
    mkdirSync(group);
    return run.stdout.trim().split("\n");
  }

  test("passes the verifier and decides what opens", () => {
    if (v2 === undefined) return;
    const rules: readonly OciDeviceRule[] = [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", access: "m" },
      { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
      { allow: true, type: "c", major: 1, minor: 5, access: "r" },
    ];
    expect(attempt(rules, "/dev/null:rw", "/dev/zero:r", "/dev/zero:w", "/dev/zero:rw", "/dev/full:r")).toEqual([
      "/dev/null:rw yes",
      "/dev/zero:r yes",
      "/dev/zero:w no",
      "/dev/zero:rw no",
      "/dev/full:r no",
      "mknod yes",
    ]);
  });

  test("denies one device where all others are allowed", () => {
    if (v2 === undefined) return;
    const rules: readonly OciDeviceRule[] = [{ allow: true }, { allow: false, type: "c", major: 1, minor: 5, access: "wm" }];
    expect(attempt(rules, "/dev/null:rw", "/dev/zero:r", "/dev/zero:rw", "/dev/full:rw")).toEqual([
      "/dev/null:rw yes",
      "/dev/zero:r yes",
      "/dev/zero:rw no",
      "/dev/full:rw yes",
      "mknod no",
    ]);
  });

  test("loads with hundreds of rules", () => {
    if (v2 === undefined) return;
    const many = Array.from({ length: 500 }, (_, minor): OciDeviceRule => ({ allow: true, type: "b", major: 8, minor, access: "rw" }));
    expect(attempt([{ allow: false }, { allow: true, type: "c", major: 1, access: "rw" }, ...many], "/dev/null:rw")).toEqual([
      "/dev/null:rw yes",
      "mknod no",
    ]);
  });
});
