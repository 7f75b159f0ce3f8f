import { expect, test } from "bun:test";
import { MOUNT_ATTR, MS } from "./kernel-flags.ts";
import { parseMountOptions } from "./mount-options.ts";

test("parseMountOptions() parts attributes, recursive attributes, propagation and the file system's own data", () => {
  const options = parseMountOptions(["rbind", "ro", "rnosuid", "rslave", "size=64k", "nosuch", "defaults"]);
  expect(options).toMatchObject({
    bind: true,
    recursiveBind: true,
    propagation: MS.MS_SLAVE,
    recursivePropagation: true,
    data: ["size=64k", "nosuch"],
  });
  expect(options.attributes).toEqual({ set: MOUNT_ATTR.MOUNT_ATTR_RDONLY, clear: 0 });
  expect(options.recursiveAttributes).toEqual({ set: MOUNT_ATTR.MOUNT_ATTR_NOSUID, clear: 0 });
});

test("parseMountOptions() lets the later of two contradicting words win", () => {
  expect(parseMountOptions(["ro", "rw"]).attributes).toEqual({ set: 0, clear: MOUNT_ATTR.MOUNT_ATTR_RDONLY });
  expect(parseMountOptions(["rw", "ro"]).attributes).toEqual({ set: MOUNT_ATTR.MOUNT_ATTR_RDONLY, clear: 0 });
});

test("parseMountOptions() clears the whole access-time field before it sets one of its values, as mount_setattr(2) demands", () => {
  expect(parseMountOptions(["noatime"]).attributes).toEqual({ set: MOUNT_ATTR.MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR.MOUNT_ATTR__ATIME });
});

test("parseMountOptions() hands words that JavaScript's objects know to the file system", () => {
  expect(parseMountOptions(["valueOf", "rvalueOf", "constructor"]).data).toEqual(["valueOf", "rvalueOf", "constructor"]);
});

test("parseMountOptions() does not take the r of relatime, ro and rw for recursive", () => {
  expect(parseMountOptions(["relatime", "ro"]).recursiveAttributes).toEqual({ set: 0, clear: 0 });
  expect(parseMountOptions(["rro"]).recursiveAttributes.set).toBe(MOUNT_ATTR.MOUNT_ATTR_RDONLY);
});
