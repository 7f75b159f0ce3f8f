// What registries send in headers and bodies: whatever it is, an answer or an EngineError, never anything else.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseChallenges } from "../../src/registry/challenge.ts";
import { describeFaults, parseFaults, responseError } from "../../src/registry/registry-error.ts";
import { parseRetryAfter } from "../../src/registry/retry.ts";

const runs = { numRuns: 2000 };
const token = fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const quoted = fc.string({ maxLength: 30, unit: "grapheme-ascii" });

test("challenges are read back as they were written", () => {
  const parameters = fc.uniqueArray(fc.tuple(token, quoted), { minLength: 1, maxLength: 4, selector: ([name]) => name.toLowerCase() });
  fc.assert(
    fc.property(fc.array(fc.tuple(token, parameters), { maxLength: 3 }), (challenges) => {
      const header = challenges.map(
        ([scheme, list]) => `${scheme} ${list.map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&")}"`).join(", ")}`,
      );
      const read = parseChallenges(header.join(", ")).map(({ scheme, parameters: list }) => ({ scheme, parameters: { ...list } }));
      const written = challenges.map(([scheme, list]) => ({
        scheme: scheme.toLowerCase(),
        parameters: Object.fromEntries(list.map(([name, value]) => [name.toLowerCase(), value])),
      }));
      expect(read).toEqual(written);
    }),
    runs,
  );
});

test("headers of any kind are read to their end", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (header) => {
      expect(parseChallenges(header).every(({ scheme }) => scheme !== "")).toBe(true);
    }),
    runs,
  );
});

test("errors of any kind become one line", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), fc.integer({ min: 100, max: 999 }), (body, status) => {
      expect(describeFaults(parseFaults(body))).toBeString();
      expect(responseError("x", status, body).message).toMatch(/^x: [^\n\u001b]*$/);
    }),
    runs,
  );
});

test("a Retry-After of any kind is a time or none", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const parsed = parseRetryAfter(value, new Date());
      expect(parsed === undefined || parsed >= 0).toBe(true);
    }),
    runs,
  );
});
