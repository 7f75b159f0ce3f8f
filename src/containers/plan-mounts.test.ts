import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { storedContainer } from "../../test/fakes/stored-container.ts";
import type { RunnableImage } from "../images/runnable-image.ts";
import type { ContainerOptions, MountOption } from "../spec/container-options.ts";
import { insertContainer } from "../state/container-table.ts";
import { openStore, type Store } from "../state/store.ts";
import type { ContainerHost } from "./container-host.ts";
import { mountViews } from "./mount-views.ts";
import { planMounts } from "./plan-mounts.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-mounts-`);
  store = openStore(root);
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

const image = (...volumes: string[]) => ({ config: { volumes } }) as unknown as RunnableImage;
const plan = (options: Partial<ContainerOptions>, ...volumes: string[]) =>
  planMounts({ root, store } as unknown as ContainerHost, { image: "i", ...options }, image(...volumes));
const targets = (planned: ReturnType<typeof plan>) => (planned.options.mounts ?? []).map(({ target }) => target);
const giver = (...mounts: MountOption[]) =>
  insertContainer(store, storedContainer({ name: "giver", options: JSON.stringify({ image: "i", mounts }) }));

describe("planMounts()", () => {
  test("names anonymous volumes, of -v and of the image, each place once", () => {
    const planned = plan({ mounts: [{ type: "volume", target: "/a/" }], autoRemove: true }, "/a", "/b");
    expect(targets(planned)).toEqual(["/a/", "/b"]);
    expect(planned.uses).toEqual([
      { target: "/a", volume: expect.stringMatching(/^[0-9a-f]{64}$/), anonymous: true, goes: true, fill: true },
      { target: "/b", volume: expect.stringMatching(/^[0-9a-f]{64}$/), anonymous: true, goes: true, fill: true },
    ]);
    expect(planned.volumes.map(({ name, anonymous }) => [name, anonymous])).toEqual(planned.uses.map(({ volume }) => [volume, true]));
  });

  test("an image's volume gives way to whatever else is mounted there", () => {
    const own: MountOption[] = [
      { type: "bind", source: "/x", target: "/a" },
      { type: "tmpfs", target: "/b" },
      { type: "volume", source: "named", target: "/c" },
    ];
    const planned = plan({ mounts: own }, "/a", "/b/", "/c/../c");
    expect(targets(planned)).toEqual(["/a", "/b", "/c"]);
    expect(planned.volumes.map(({ name }) => name)).toEqual(["named"]);
  });

  test("--volumes-from brings binds and volumes by their names, without content; one's own mounts and later containers win", () => {
    giver(
      { type: "bind", source: "/x", target: "/bound", readonly: true },
      { type: "volume", source: "vv", target: "/v/" },
      { type: "volume", source: "f".repeat(64), target: "/anon", volumeIsAnonymous: true },
      { type: "tmpfs", target: "/t" },
      { type: "volume", source: "other", target: "/own" },
    );
    const planned = plan({ volumesFrom: ["giver:ro"], mounts: [{ type: "tmpfs", target: "/own" }] }, "/v");
    expect(targets(planned)).toEqual(["/own", "/bound", "/v", "/anon"]);
    expect(planned.uses.map(({ target, anonymous, fill }) => ({ target, anonymous, fill }))).toEqual([
      { target: "/v", anonymous: false, fill: false },
      { target: "/anon", anonymous: true, fill: false },
    ]);
    expect((planned.options.mounts ?? []).slice(1).every(({ readonly }) => readonly === true)).toBe(true);
    expect(plan({ volumesFrom: ["giver"] }).options.mounts?.find(({ target }) => target === "/v")?.readonly).toBeUndefined();
  });

  test("content is wanted neither with nocopy nor for a subpath", () => {
    const planned = plan({
      mounts: [
        { type: "volume", source: "aa", target: "/a", volume: { noCopy: true } },
        { type: "volume", source: "aa", target: "/b", subpath: "x" },
        { type: "volume", source: "aa", target: "/c", readonly: true },
      ],
    });
    expect(planned.uses.map(({ fill }) => fill)).toEqual([false, false, true]);
    expect(planned.volumes).toHaveLength(1);
  });

  test("refuses two for one place, hostile names and unknown containers", () => {
    const mounts =
      (...list: MountOption[]) =>
      () =>
        plan({ mounts: list });
    expect(mounts({ type: "bind", source: "/a", target: "/x" }, { type: "tmpfs", target: "/y/../x/" })).toThrow(
      "Duplicate mount point: /x",
    );
    expect(mounts({ type: "volume", source: "../up", target: "/x" })).toThrow("includes invalid characters");
    expect(mounts({ type: "volume", source: "v1", target: "/x", volume: { driver: "nfs" } })).toThrow('plugin "nfs" not found');
    expect(() => plan({ volumesFrom: ["nobody"] })).toThrow("No such container: nobody");
    expect(() => plan({}, ...Array.from({ length: 251 }, (_, index) => `/v${index}`))).toThrow("251 mounts");
    expect(() => plan({}, "/a\0b")).toThrow('invalid mount target "/a\\u0000b"');
    giver();
    expect(() => plan({ volumesFrom: ["giver:rwx"] })).toThrow("invalid mode: rwx");
    expect(() => plan({ volumesFrom: [":ro"] })).toThrow("name is empty");
  });
});

test("a bind that is to share mounts must lie where mounts are shared, as docker has it", () => {
  const shared = (propagation: NonNullable<MountOption["propagation"]>) => () =>
    plan({ mounts: [{ type: "bind", source: "/proc/self/fdinfo", target: "/x", propagation }] });
  // procfs is mounted private on no host that shares mounts, and shared on those that do.
  const isShared = /^\S+ \S+ \S+ \S+ \/proc .*shared:/m.test(readFileSync("/proc/self/mountinfo", "utf8"));
  if (isShared) expect(shared("rshared")).not.toThrow();
  else expect(shared("rshared")).toThrow("is mounted on /proc but it is not a shared mount");
  if (!isShared) expect(shared("slave")).toThrow("is mounted on /proc but it is not a shared or slave mount");
  expect(shared("rprivate")).not.toThrow();
});

test("mountViews() tells of a volume by name and mount point, and not of --tmpfs", () => {
  const { options } = plan({
    mounts: [
      { type: "volume", source: "vv", target: "/v", readonly: true },
      { type: "tmpfs", target: "/t" },
      { type: "tmpfs", target: "/t2", origin: "mount" },
    ],
  });
  expect(mountViews(options, "/root")).toEqual([
    {
      type: "volume",
      name: "vv",
      source: "/root/volumes/vv/_data",
      destination: "/v",
      driver: "local",
      mode: "ro",
      readWrite: false,
      propagation: "",
    },
    { type: "tmpfs", name: "", source: "", destination: "/t2", driver: "", mode: "", readWrite: true, propagation: "" },
  ]);
});
