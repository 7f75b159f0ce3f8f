import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { CgroupLayout } from "../core/cgroup-layout.ts";
import { detectCgroupLayout } from "./cgroup-layout.ts";

describe("detectCgroupLayout()", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/wherry-layout-`);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function detect(mountInfo: string, options: { readonly systemd?: boolean } = {}): CgroupLayout {
    writeFileSync(`${directory}/mountinfo`, mountInfo);
    if (options.systemd === true) mkdirSync(`${directory}/systemd`);
    return detectCgroupLayout({ mountInfo: `${directory}/mountinfo`, systemdDirectory: `${directory}/systemd` });
  }

  const root = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n";
  const v1 = (id: number, options: string, at = options): string =>
    `${id} 31 0:${id} / /sys/fs/cgroup/${at} rw,relatime - cgroup cgroup rw,${options}\n`;

  test("reads v1 controllers, several on one mount, and skips flags", () => {
    const { mode, hierarchies } = detect(
      `${root}${v1(32, "cpu,cpuacct")}${v1(33, "memory")}${v1(34, "xattr,clone_children,cpuset", "cpuset")}`,
    );
    expect(mode).toBe("v1");
    expect(hierarchies.map(({ mountPoint, controllers }) => [mountPoint, ...controllers])).toEqual([
      ["/sys/fs/cgroup/cpu,cpuacct", "cpu", "cpuacct"],
      ["/sys/fs/cgroup/memory", "memory"],
      ["/sys/fs/cgroup/cpuset", "cpuset"],
    ]);
  });

  test("takes the first of two mounts of one hierarchy", () => {
    const { hierarchies } = detect(`${root}${v1(33, "memory")}${v1(40, "memory", "elsewhere")}`);
    expect(hierarchies.map(({ mountPoint }) => String(mountPoint))).toEqual(["/sys/fs/cgroup/memory"]);
  });

  test("knows v2 by its controllers, with a mount point that has a space", () => {
    mkdirSync(`${directory}/cg roup`);
    writeFileSync(`${directory}/cg roup/cgroup.controllers`, "cpuset cpu io memory pids\n");
    const layout = detect(`30 1 0:26 / ${directory}/cg\\040roup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n`);
    expect(layout.mode).toBe("v2");
    expect(layout.hierarchies[0]?.controllers).toEqual(["cpuset", "cpu", "io", "memory", "pids"]);
  });

  test("calls both together hybrid", () => {
    const layout = detect(`${root}${v1(33, "memory")}41 31 0:38 / /nowhere/unified rw - cgroup2 cgroup2 rw\n`);
    expect(layout.mode).toBe("hybrid");
    expect(layout.hierarchies.map(({ version, controllers }) => [version, ...controllers])).toEqual([[1, "memory"], [2]]);
  });

  test("places nothing in systemd's named hierarchy unless systemd runs", () => {
    const text = `${root}${v1(33, "memory")}${v1(40, "xattr,name=systemd", "systemd")}${v1(41, "name=mine", "mine")}`;
    expect(detect(text).hierarchies.map(({ name }) => name)).toEqual([""]);
    expect(detect(text, { systemd: true }).hierarchies.map(({ name }) => name)).toEqual(["", "systemd"]);
  });

  test("says what to do when nothing is mounted", () => {
    expect(() => detect(root)).toThrow("mount -t cgroup2");
  });
});
