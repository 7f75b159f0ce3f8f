import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { checkDocs } from "./docs.mjs";
import { countCode } from "./launcher-size.mjs";
import { checkLayers, importsOf } from "./layers.mjs";
import { checkNames, longFiles } from "./names.mjs";
import { checkOciProperties } from "./oci-properties.mjs";

function withFiles<T>(files: Readonly<Record<string, string>>, look: (root: string) => T): T {
  const root = mkdtempSync(`${tmpdir()}/wherry-checks-`);
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(`${root}/${path}`), { recursive: true });
      writeFileSync(`${root}/${path}`, text);
    }
    return look(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe("checkLayers()", () => {
  const failures = (path: string, text: string) => withFiles({ [path]: text }, checkLayers);

  test("names file, line, import and rule when an import goes upwards", () => {
    expect(failures("src/core/ids.ts", '\nimport { x } from "../kernel/x.ts";\n')).toEqual([
      'src/core/ids.ts:2: imports "../kernel/x.ts": core/ may import nothing of ours',
    ]);
  });
  test("sees dynamic imports and re-exports over several lines", () => {
    expect(failures("src/plan/a.ts", 'const x = await import("../state/s.ts");')).toHaveLength(1);
    expect(failures("src/plan/a.ts", 'export {\n  x,\n} from "../state/s.ts";')).toHaveLength(1);
  });
  test("tells a type from a value", () => {
    expect(failures("src/cli/a.ts", 'import type { X } from "../kernel/x.ts";')).toEqual([]);
    expect(failures("src/cli/a.ts", 'import { X } from "../kernel/x.ts";')).toHaveLength(1);
  });
  test("keeps plan/ pure and bun: out of src/", () => {
    expect(failures("src/plan/a.ts", 'import { readFileSync } from "node:fs";')).toHaveLength(1);
    expect(failures("src/kernel/a.ts", 'import { dlopen } from "bun:ffi";')).toHaveLength(1);
  });
  test("wants the ending .ts and a known folder", () => {
    expect(failures("src/core/a.ts", 'import { b } from "./b";')).toHaveLength(1);
    expect(failures("src/extra/a.ts", 'import { b } from "../core/b.ts";')).toEqual([
      'src/extra/a.ts:1: imports "../core/b.ts": extra/ is not in layer-rules.mjs',
    ]);
  });
  test("does not take a comment for an import", () => {
    expect(importsOf('/* import { x } from "../a.ts"; */\n// import "../b.ts";\n')).toEqual([]);
  });
});

describe("checkNames()", () => {
  test("refuses names that say nothing, and camelCase", () => {
    const files = { "src/core/string-utils.ts": "", "src/core/planRunner.ts": "", "src/core/plan-runner.test.ts": "" };
    expect(withFiles(files, checkNames)).toEqual([
      "src/core/planRunner.ts: file names are kebab-case",
      "src/core/string-utils.ts: the name says nothing; name the concept",
    ]);
  });
  test("longFiles() lists a file of more than 400 lines", () => {
    expect(withFiles({ "src/a.ts": "x\n".repeat(401), "src/b.ts": "x\n".repeat(400) }, longFiles)).toEqual([
      { file: "src/a.ts", lines: 401 },
    ]);
  });
});

describe("checkDocs()", () => {
  test("finds a page of errors that is stale, a code that is unknown and a link that leads nowhere", () => {
    const files = {
      "src/core/error-codes.ts": 'export const errorCodes = {\n  B_CODE: "b",\n  A_CODE: "a",\n};\n',
      "src/core/a.ts": 'throw new EngineError({ code: "C_CODE" });',
      "docs/errors.md": "old",
      "README.md": "# Title\n[a](docs/none.md) [b](#title) [c](#nothing)",
    };
    expect(withFiles(files, checkDocs)).toEqual([
      "src/core/error-codes.ts: B_CODE is not in alphabetical order",
      "docs/errors.md: differs from src/core/error-codes.ts; run node scripts/checks/docs.mjs --write",
      "src/core/a.ts: the error code C_CODE is not in src/core/error-codes.ts",
      "README.md: the link docs/none.md leads nowhere",
      "README.md: README.md has no heading #nothing",
    ]);
  });
});

describe("countCode()", () => {
  test("counts lines that hold more than blanks and comments", () => {
    expect(countCode("/* one\n two */ int a; // three\n\n\t/* four */\n  // five\nint b;\n")).toBe(2);
  });
  test("takes a comment's beginning in text for text", () => {
    expect(countCode('const char *a = "/*";\nchar b = \'"\';\nconst char *c = "*/ \\" // ";\n')).toBe(3);
  });
});

describe("checkOciProperties()", () => {
  const schema = JSON.stringify({
    properties: { a: { type: "string" }, b: { items: { properties: { c: {}, d: {} } } }, e: { values: {} } },
  });
  const check = (entries: readonly object[], page = ""): readonly string[] =>
    withFiles(
      {
        "src/plan/oci/config-schema.json": schema,
        "test/oci-properties.json": JSON.stringify(entries),
        "test/x.test.ts": 'test("sees it")',
        "docs/oci.md": page,
      },
      checkOciProperties,
    );

  test("finds properties without an entry, with two, and those that are none", () => {
    expect(check([{ properties: ["a", "b[].c", "b[].c", "x"], why: "because" }])).toEqual([
      "test/oci-properties.json: b[].d is missing",
      "test/oci-properties.json: e is missing",
      "test/oci-properties.json: x is no property of the schema",
      "test/oci-properties.json: b[].c is listed twice",
    ]);
  });

  test("finds entries whose test is not there, and a page that is stale", () => {
    const rest = { properties: ["b[].c", "b[].d", "e"], why: "because" };
    expect(check([{ properties: ["a"], test: "test/x.test.ts", name: "sees nothing" }, rest])).toEqual([
      'test/oci-properties.json: a: test/x.test.ts has no test "sees nothing"',
    ]);
    expect(check([{ properties: ["a"], test: "test/x.test.ts", name: "sees it" }, rest])).toHaveLength(1);
    expect(check([{ properties: ["a"] }, rest])[0]).toContain("neither a test nor a reason");
  });
});
