import { describe, expect, test } from "bun:test";
import { imageMount, volumeMount } from "./volume-mount.ts";

const directory = { kind: "directory", path: "/volumes/v/_data", readonly: false } as const;
const where = { destination: "/d", userNamespace: false, mappings: null };
const mount = { type: "volume", source: "v", target: "/d" } as const;

describe("volumeMount()", () => {
  test("binds the volume's directory, read-only with all beneath where mount or volume says so", () => {
    expect(volumeMount(mount, directory, where)).toEqual({
      destination: "/d",
      type: "bind",
      source: "/volumes/v/_data",
      options: ["rbind", "rw", "rprivate"],
    });
    expect(volumeMount({ ...mount, readonly: true }, directory, where).options).toContain("rro");
    expect(volumeMount(mount, { ...directory, readonly: true }, where).options).toContain("rro");
  });

  test("maps the container's ids in a user namespace, unless it is told others", () => {
    expect(volumeMount(mount, directory, { ...where, userNamespace: true }).options).toContain("idmap");
    const mappings = { uidMappings: [{ containerID: 1, hostID: 2, size: 3 }], gidMappings: [{ containerID: 4, hostID: 5, size: 6 }] };
    const told = volumeMount(mount, directory, { ...where, userNamespace: true, mappings });
    expect(told.options).not.toContain("idmap");
    expect(told).toMatchObject(mappings);
  });

  test("is a memory file system of the container's own for such a volume, which has no subpath", () => {
    const tmpfs = { kind: "tmpfs", options: ["size=1m"] } as const;
    expect(volumeMount({ ...mount, readonly: true }, tmpfs, where)).toEqual({
      destination: "/d",
      type: "tmpfs",
      source: "tmpfs",
      options: ["ro", "size=1m"],
    });
    expect(() => volumeMount({ ...mount, subpath: "a" }, tmpfs, where)).toThrow("it has no subpath");
  });
});

test("imageMount() names the image and is read-only", () => {
  expect(imageMount({ type: "image", source: "base", target: "/i" }, "/i")).toEqual({
    destination: "/i",
    type: "overlay",
    source: "base",
    options: ["ro"],
  });
});
