import { expect, test } from "bun:test";
import { parseAddress, readNetDevice } from "./net-device.ts";

test("parseAddress() gives the bytes of both families", () => {
  expect(parseAddress("192.0.2.7")).toEqual([192, 0, 2, 7]);
  expect(parseAddress("fd00::2")).toEqual([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
  expect(parseAddress("::ffff:192.0.2.1")).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
  expect(parseAddress("1:2:3:4:5:6:7:89ab")).toEqual([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0x89, 0xab]);
});

test("readNetDevice() finds loopback, and nothing where there is nothing", () => {
  expect(readNetDevice("lo")?.index).toBe(1);
  expect(readNetDevice("nosuch0")).toBeNull();
});
