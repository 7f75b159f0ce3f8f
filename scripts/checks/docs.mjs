// Documents tell the truth: each error code is explained, each link leads somewhere. `node scripts/checks/docs.mjs --write` renews docs/errors.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath, pathToFileURL } from "node:url";
import { filesBeneath } from "./files-beneath.mjs";
import { checkOciProperties } from "./oci-properties.mjs";
import { checkSchema } from "./oci-schema.mjs";

export function checkDocs(root) {
  return [
    ...checkOciProperties(root),
    ...checkSchema(root),
    ...checkErrors(root),
    ...checkCodesUsed(root),
    ...checkLinks(root),
    ...checkRegressionTests(root),
  ];
}

function errorCodes(root) {
  const text = readFileSync(`${root}/src/core/error-codes.ts`, "utf8");
  return [...text.matchAll(/^\s*([A-Z][A-Z0-9_]+):\s*"((?:[^"\\]|\\.)*)",?$/gm)].map(([, code, meaning]) => ({
    code,
    meaning: JSON.parse(`"${meaning}"`),
  }));
}

function errorPage(root) {
  const rows = errorCodes(root).map(({ code, meaning }) => `| \`${code}\` | ${meaning.replaceAll("|", "\\|")} |`);
  return `# Errors

Each error of the engine carries one of these codes. The text beside it is for people and may change; the code does not.
Made from \`src/core/error-codes.ts\` by \`node scripts/checks/docs.mjs --write\`; a check compares the two.

| code | meaning |
|---|---|
${rows.join("\n")}
`;
}

function checkErrors(root) {
  const codes = errorCodes(root).map(({ code }) => code);
  const sorted = [...codes].sort();
  const failures = codes
    .flatMap((code, index) => (code === sorted[index] ? [] : [`src/core/error-codes.ts: ${code} is not in alphabetical order`]))
    .slice(0, 1);
  const page = `${root}/docs/errors.md`;
  const text = existsSync(page) ? readFileSync(page, "utf8") : "";
  if (text !== errorPage(root))
    failures.push("docs/errors.md: differs from src/core/error-codes.ts; run node scripts/checks/docs.mjs --write");
  return failures;
}

/** `code: "X"` in src/ names a code of the table. */
function checkCodesUsed(root) {
  const known = new Set(errorCodes(root).map(({ code }) => code));
  return filesBeneath(root, "src")
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .flatMap((file) =>
      [...readFileSync(`${root}/${file}`, "utf8").matchAll(/\bcode: "([A-Z][A-Z0-9]*_[A-Z0-9_]+)"/g)]
        .filter(([, code]) => !known.has(code))
        .map(([, code]) => `${file}: the error code ${code} is not in src/core/error-codes.ts`),
    );
}

/** Each row of SECURITY.md's table names a test that knows its CVE. */
function checkRegressionTests(root) {
  if (!existsSync(`${root}/SECURITY.md`)) return [];
  const rows = [...readFileSync(`${root}/SECURITY.md`, "utf8").matchAll(/^\| (CVE-[\d-]+) \|.*\]\(([^)]+)\) \|$/gm)];
  return rows
    .filter(([, cve, test]) => existsSync(`${root}/${test}`) && !readFileSync(`${root}/${test}`, "utf8").includes(cve))
    .map(([, cve, test]) => `SECURITY.md: ${test} does not mention ${cve}`);
}

/** Relative links and anchors in Markdown files. */
export function checkLinks(root) {
  const pages = filesBeneath(root, ".").filter((file) => file.endsWith(".md"));
  return pages.flatMap((page) => {
    const text = readFileSync(`${root}/${page}`, "utf8")
      .replace(/^```[\s\S]*?^```/gm, "")
      .replace(/`[^`\n]*`/g, "");
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [path, anchor] = link.split("#");
      const target = path === "" ? page : normalize(join(dirname(page), path));
      if (!existsSync(`${root}/${target}`)) return [`${page}: the link ${link} leads nowhere`];
      if (anchor === undefined || !target.endsWith(".md")) return [];
      return headings(readFileSync(`${root}/${target}`, "utf8")).includes(anchor) ? [] : [`${page}: ${target} has no heading #${anchor}`];
    });
  });
}

const headings = (text) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href && process.argv[2] === "--write") {
  const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
  writeFileSync(`${root}/docs/errors.md`, errorPage(root));
}
