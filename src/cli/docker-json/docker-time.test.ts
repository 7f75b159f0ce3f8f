import { expect, test } from "bun:test";
import { localSeconds, trimmedTime } from "./docker-time.ts";

test("trimmedTime() drops the zeros at the end, as Go does", () => {
  expect(trimmedTime("2026-01-02T03:04:05.120304000Z")).toBe("2026-01-02T03:04:05.120304Z");
  expect(trimmedTime("2026-01-02T03:04:05.422222795Z")).toBe("2026-01-02T03:04:05.422222795Z");
  expect(trimmedTime("2026-01-02T03:04:00.000Z")).toBe("2026-01-02T03:04:00Z");
  expect(trimmedTime("2026-01-02T03:04:00Z")).toBe("2026-01-02T03:04:00Z");
});

test("localSeconds() has no fraction", () => {
  expect(new Date(localSeconds(new Date("2026-01-02T03:04:05.678Z"))).toISOString()).toBe("2026-01-02T03:04:05.000Z");
});
