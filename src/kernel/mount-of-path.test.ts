import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { mountOfPath } from "./mount-of-path.ts";

let root = "";
beforeAll(() => {
  root = realpathSync(mkdtempSync(`${tmpdir()}/wherry-mountinfo-`));
  for (const name of ["a/b", "ab", "with space"]) mkdirSync(`${root}/${name}`, { recursive: true });
  symlinkSync(`${root}/a/b`, `${root}/link`);
  const lines = [
    "20 1 0:1 / / rw - ext4 /dev/a rw",
    `21 20 0:2 / ${root}/a rw shared:5 - tmpfs a rw`,
    `22 21 0:3 / ${root}/a/b rw,relatime shared:6 master:7 - tmpfs b rw`,
    `23 20 0:4 / ${root}/with\\040space rw master:1 propagate_from:2 - tmpfs c rw`,
    `24 21 0:5 / ${root}/a rw - tmpfs later rw`,
  ];
  writeFileSync(`${root}/mountinfo`, `${lines.join("\n")}\n`);
});
afterAll(() => rmSync(root, { recursive: true }));

test.each([
  ["a/x", { shared: false, slave: false, mountPoint: "a" }],
  ["a/b", { shared: true, slave: true, mountPoint: "a/b" }],
  ["link", { shared: true, slave: true, mountPoint: "a/b" }],
  ["a/b/missing/deep", { shared: true, slave: true, mountPoint: "a/b" }],
  ["with space", { shared: false, slave: true, mountPoint: "with space" }],
] as const)("mountOfPath(%s)", (path, { mountPoint, ...flags }) => {
  expect(mountOfPath(`${root}/${path}`, `${root}/mountinfo`)).toEqual({ ...flags, mountPoint: `${root}/${mountPoint}` });
});

test("mountOfPath() takes no neighbour with the same beginning, and the root for all else", () => {
  for (const path of [`${root}/ab`, "/", "/missing"]) expect(mountOfPath(path, `${root}/mountinfo`).mountPoint).toBe("/");
});
