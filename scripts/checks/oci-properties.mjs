// Which test observes each property of an OCI configuration, or why none does: test/oci-properties.json against the schema, and the section
// "Configuration" of docs/oci.md made from it. `node scripts/checks/oci-properties.mjs --write` renews the section.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { propertyPaths } from "./oci-schema.mjs";

const page = "docs/oci.md";
const begin = "<!-- configuration: made by scripts/checks/oci-properties.mjs -->";
const end = "<!-- end of configuration -->";

const read = (root, file) => readFileSync(`${root}/${file}`, "utf8");
const entriesOf = (root) => JSON.parse(read(root, "test/oci-properties.json"));
const pathsOf = (root) => propertyPaths(JSON.parse(read(root, "src/plan/oci/config-schema.json")));

export function checkOciProperties(root) {
  if (!existsSync(`${root}/test/oci-properties.json`)) return [];
  const entries = entriesOf(root);
  const paths = pathsOf(root);
  const listed = entries.flatMap(({ properties }) => properties);
  const failures = [
    ...paths.filter((path) => !listed.includes(path)).map((path) => `${path} is missing`),
    ...listed.filter((path) => !paths.includes(path)).map((path) => `${path} is no property of the schema`),
    ...listed.filter((path, index) => listed.indexOf(path) !== index).map((path) => `${path} is listed twice`),
    ...entries.flatMap((entry) => missingTest(root, entry)),
  ].map((failure) => `test/oci-properties.json: ${failure}`);
  const text = existsSync(`${root}/${page}`) ? read(root, page) : "";
  if (failures.length === 0 && withSection(text, section(root)) !== text)
    failures.push(`${page}: differs from test/oci-properties.json; run node scripts/checks/oci-properties.mjs --write`);
  return failures;
}

function missingTest(root, { properties, test, name, why }) {
  if (test === undefined) return why === undefined ? [`${properties[0]} has neither a test nor a reason`] : [];
  if (!existsSync(`${root}/${test}`)) return [`${properties[0]}: there is no ${test}`];
  const text = read(root, test).replaceAll('\\"', '"');
  return text.includes(name) ? [] : [`${properties[0]}: ${test} has no test "${name}"`];
}

function section(root) {
  const rows = entriesOf(root).flatMap(({ properties, test, name, why, note }) => {
    const seen = test === undefined ? "" : `[${name.replaceAll("|", "\\|").replaceAll("${", "$\\{")}](../${test})`;
    const text = [why === undefined ? seen : why, why !== undefined && seen !== "" ? seen : "", note ?? ""]
      .filter((part) => part !== "")
      .join("; ");
    return properties.map((path) => ({ path, text }));
  });
  const byPath = new Map(rows.map(({ path, text }) => [path, text]));
  const lines = pathsOf(root).map((path) => `| \`${path}\` | ${byPath.get(path) ?? ""} |`);
  return `| property | seen by |\n|---|---|\n${lines.join("\n")}\n`;
}

function withSection(text, made) {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) return `${begin}\n${end}\n`;
  return `${text.slice(0, from + begin.length)}\n\n${made}\n${text.slice(to)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href && process.argv[2] === "--write") {
  const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
  writeFileSync(`${root}/${page}`, withSection(read(root, page), section(root)));
}
