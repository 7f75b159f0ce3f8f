import { describe, expect, test } from "bun:test";
import type { OciMount } from "../oci-config.ts";
import { settledMounts } from "./settled-mounts.ts";

const bind = (destination: string, options: readonly string[] = []): OciMount => ({
  destination,
  type: "bind",
  source: "/source",
  options: ["bind", ...options],
});
const tmpfs = (destination: string, options: readonly string[] = []): OciMount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options,
});
const order = (mounts: readonly OciMount[], isPlain: (path: string) => boolean = () => true) =>
  settledMounts(mounts, isPlain).map(({ destination }) => destination);

describe("settledMounts()", () => {
  test("sorts bind mounts beside each other that are equally deep", () => {
    expect(order([tmpfs("/dev"), bind("/etc/hosts"), bind("/dev/shm"), bind("/etc/hostname")])).toEqual([
      "/dev",
      "/dev/shm",
      "/etc/hostname",
      "/etc/hosts",
    ]);
  });

  test("keeps what another depends on: deeper ones, the same place twice, and what is beneath a mount with files in it", () => {
    for (const kept of [
      [bind("/b/c"), bind("/a"), bind("/b/a")],
      [bind("/a"), bind("/b"), bind("/b", ["ro"])],
      [bind("/a"), bind("/a/c"), bind("/a/b")],
      [tmpfs("/a", ["tmpcopyup"]), bind("/a/c"), bind("/a/b")],
      [{ destination: "/proc", type: "proc" }, bind("/proc/c"), bind("/proc/b")],
      [bind("/c"), tmpfs("/d"), bind("/b")],
      [bind("/b/"), bind("/./a")],
    ])
      expect(order(kept)).toEqual(kept.map(({ destination }) => destination));
  });

  test("keeps the order where a place is behind a symbolic link", () => {
    const mounts = [tmpfs("/link"), bind("/b"), bind("/a")];
    expect(order(mounts, (path) => path !== "/link")).toEqual(["/link", "/b", "/a"]);
  });

  test("leaves what it was given untouched", () => {
    const mounts = [bind("/b"), bind("/a")];
    settledMounts(mounts, () => true);
    expect(mounts.map(({ destination }) => destination)).toEqual(["/b", "/a"]);
  });
});
