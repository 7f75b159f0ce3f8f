import { describe, expect, test } from "bun:test";
import { mediaTypes } from "./media-types.ts";
import type { OciIndex } from "./parse-manifest.ts";
import { formatPlatform, parsePlatform } from "./platform.ts";
import { selectPlatform } from "./select-platform.ts";

function index(...platforms: readonly (string | undefined)[]): OciIndex {
  return {
    mediaType: mediaTypes.index,
    manifests: platforms.map((text, at) => {
      const [os = "", architecture = "", variant] = text?.split("/") ?? [];
      return {
        mediaType: mediaTypes.manifest,
        digest: `sha256:${String(at).padStart(64, "0")}` as never,
        size: 1,
        platform: text === undefined ? undefined : { os, architecture, ...(variant === undefined ? {} : { variant }) },
        annotations: {},
      };
    }),
  };
}

const chosen = (from: OciIndex, platform: string) => from.manifests.indexOf(selectPlatform(from, parsePlatform(platform)));

describe("selectPlatform()", () => {
  test.each([
    ["linux/amd64", ["linux/arm64", "linux/amd64"], 1],
    ["linux/amd64", ["linux/386", "linux/amd64/v1"], 1],
    ["linux/amd64", ["linux/amd64/v3", "linux/386"], 1],
    ["linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], 1],
    ["linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], 1],
    ["aarch64", ["linux/arm/v6", "linux/arm/v7"], 1],
    ["linux/arm", ["linux/arm/v6", "linux/arm/v8"], 0],
    ["linux/amd64", ["windows/amd64", undefined, "unknown/unknown"], 1],
    ["LINUX/x86_64", ["linux/amd64"], 0],
  ] as const)("%s of %j is number %i", (platform, there, expected) => {
    expect(chosen(index(...there), platform)).toBe(expected);
  });

  test("tells what there is when nothing fits", () => {
    expect(() => chosen(index("linux/arm64", "unknown/unknown"), "linux/amd64")).toThrow(
      "no matching manifest for linux/amd64 in the image index; there are linux/arm64",
    );
  });
});

test("parsePlatform() refuses what is none", () => {
  for (const text of ["", "a/b/c/d", "linux/", "linux/a b"]) expect(() => parsePlatform(text)).toThrow("invalid platform");
  expect(formatPlatform(parsePlatform("linux/armhf"))).toBe("linux/arm/v7");
});
