import { describe, expect, test } from "bun:test";
import { canonicalReference, familiarReference, parseReference } from "./reference.ts";

const hex = "0123456789abcdef".repeat(4);
const canonical = (text: string) => canonicalReference(parseReference(text));

describe("parseReference()", () => {
  test.each([
    ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
    ["me/app", "docker.io/me/app:latest", "me/app:latest"],
    ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
    ["localhost:5000/a/b:t", "localhost:5000/a/b:t", "localhost:5000/a/b:t"],
    ["ghcr.io/o/r:v1.2-3_4", "ghcr.io/o/r:v1.2-3_4", "ghcr.io/o/r:v1.2-3_4"],
    ["[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"],
    ["Uppercase/x", "Uppercase/x:latest", "Uppercase/x:latest"],
    ["a__b/c--d/e.f", "docker.io/a__b/c--d/e.f:latest", "a__b/c--d/e.f:latest"],
    [`x@sha256:${hex}`, `docker.io/library/x@sha256:${hex}`, `x@sha256:${hex}`],
    [`x:1@sha256:${hex}`, `docker.io/library/x:1@sha256:${hex}`, `x:1@sha256:${hex}`],
    ["library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
  ])("reads %p as %p, shown as %p", (text, complete, familiar) => {
    expect(canonical(text)).toBe(complete);
    expect(familiarReference(complete)).toBe(familiar);
    expect(canonical(familiar)).toBe(complete);
  });

  test.each([
    "",
    ":",
    "a:",
    ":t",
    "a b",
    "a//b",
    "/a",
    "a/",
    "-a",
    "a-",
    "a..b",
    "a___b",
    "a:t/",
    "a:-t",
    `a:${"t".repeat(129)}`,
    "a@sha256:12",
    "a@md5:x",
    "x.y/",
    "a\n",
    "a/.b",
  ])("refuses %p", (text) => {
    expect(() => parseReference(text)).toThrow("invalid reference format");
  });

  test("says why, where docker says it", () => {
    expect(() => parseReference("Foo")).toThrow("invalid reference format: repository name (library/Foo) must be lowercase");
    expect(() => parseReference(hex)).toThrow("cannot specify 64-byte hexadecimal strings");
    expect(() => parseReference("a".repeat(256))).toThrow("repository name must not be more than 255 characters");
  });
});
