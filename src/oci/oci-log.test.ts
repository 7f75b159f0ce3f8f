import { expect, test } from "bun:test";
import { formatLogLine } from "./oci-log.ts";

test("formatLogLine() writes what logrus would", () => {
  const entry = { level: "error", msg: 'exec: "x"', time: new Date("2026-01-02T03:04:05.678Z") } as const;
  expect(formatLogLine("json", entry)).toBe('{"level":"error","msg":"exec: \\"x\\"","time":"2026-01-02T03:04:05Z"}\n');
  expect(formatLogLine("text", entry)).toBe('time="2026-01-02T03:04:05Z" level=error msg="exec: \\"x\\""\n');
});
