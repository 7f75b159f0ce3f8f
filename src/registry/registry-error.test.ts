import { describe, expect, test } from "bun:test";
import { parseFaults, responseError } from "./registry-error.ts";

describe("responseError()", () => {
  test("says what the registry says", () => {
    const body = '{"errors":[{"code":"DENIED","message":"requested access is denied"},{"code":"UNAUTHORIZED","message":""}]}';
    expect(responseError("pull x", 403, body)).toMatchObject({
      code: "REGISTRY_DENIED",
      kind: "forbidden",
      message: "pull x: denied: requested access is denied; unauthorized",
    });
  });

  test.each([
    [401, "REGISTRY_UNAUTHORIZED", false],
    [404, "REGISTRY_NOT_FOUND", false],
    [400, "REGISTRY_REFUSED", false],
    [408, "REGISTRY_REFUSED", true],
    [429, "REGISTRY_RATE_LIMITED", true],
    [500, "REGISTRY_FAILED", true],
    [501, "REGISTRY_FAILED", false],
    [503, "REGISTRY_FAILED", true],
  ])("%p is %p, transient: %p", (status, code, transient) => {
    expect(responseError("x", status, "<html>")).toMatchObject({ code, details: { transient } });
  });

  test("cuts what is long, and lets no terminal obey", () => {
    const { message } = responseError("x", 400, JSON.stringify({ errors: [{ code: "A", message: `\u001b[2J${"long".repeat(1000)}` }] }));
    expect(message.length).toBeLessThan(400);
    expect(message).not.toContain("\u001b");
  });
});

test.each(["", "[]", "null", '{"errors":{}}', '{"errors":[null,1,"x"]}', '{"errors":"x"}'])("parseFaults(%p) throws nothing", (body) => {
  expect(parseFaults(body).every(({ code, message }) => code === "" && message === "")).toBe(true);
});
