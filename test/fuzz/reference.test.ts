import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EngineError } from "../../src/core/engine-error.ts";
import { canonicalReference, familiarReference, parseReference } from "../../src/images/reference.ts";

const numRuns = Number(process.env["WHERRY_FUZZ_RUNS"] ?? 2000);
const likely = fc.string({
  unit: fc.constantFrom("a", "b", "Z", "0", ".", "-", "_", "/", ":", "@", "sha256:", "localhost", "docker.io/", "library/", "[::1]"),
  maxLength: 14,
});

describe("parseReference(), fuzzed", () => {
  test("refuses with INVALID_REFERENCE, or gives what reads back as itself, in both forms", () => {
    fc.assert(
      fc.property(fc.oneof(likely, fc.string({ unit: "binary" })), (text) => {
        let canonical: string;
        try {
          canonical = canonicalReference(parseReference(text));
        } catch (error) {
          expect(error).toBeInstanceOf(EngineError);
          expect((error as EngineError).code).toBe("INVALID_REFERENCE");
          return;
        }
        expect(canonicalReference(parseReference(canonical))).toBe(canonical);
        expect(canonicalReference(parseReference(familiarReference(canonical)))).toBe(canonical);
      }),
      { numRuns },
    );
  });
});
