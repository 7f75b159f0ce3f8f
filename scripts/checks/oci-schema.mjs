// The runtime-spec's JSON schema for Linux, resolved to one tree: what src/plan/oci/validate-config.ts checks by and docs/oci.md lists.
// `node scripts/checks/oci-schema.mjs --write DIRECTORY` makes it anew from the specification's own files.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const schemaFile = "src/plan/oci/config-schema.json";
/** Where development machines have it; nothing needs it at run time. */
const specification = "../shared/specs/oci-runtime";

const kept = ["type", "enum", "pattern", "minimum", "maximum", "minItems", "required"];
const otherSystems = new Set(["solaris", "windows", "vm", "zos", "freebsd"]);

/** The schema of a `config.json` on Linux, without references, descriptions and other systems. */
export function resolveSchema(directory) {
  const files = new Map();
  const load = (file) => {
    if (!files.has(file)) files.set(file, JSON.parse(readFileSync(`${directory}/${file}`, "utf8")));
    return files.get(file);
  };
  const follow = (reference, from) => {
    const [file, pointer] = reference.split("#");
    const name = file === "" ? from : file;
    const target = pointer
      .split("/")
      .filter((part) => part !== "")
      .reduce((node, part) => node[part], load(name));
    return resolve(target, name);
  };
  const resolve = (node, file) => {
    const parts = [...(node.allOf ?? []), ...(node.anyOf ?? [])].map((part) => resolve(part, file));
    if (node.$ref !== undefined) parts.push(follow(node.$ref, file));
    const own = Object.fromEntries(kept.flatMap((key) => (key in node ? [[key, node[key]]] : [])));
    const properties = Object.fromEntries(
      Object.entries(node.properties ?? {})
        .filter(([name]) => !otherSystems.has(name))
        .map(([name, property]) => [name, resolve(property, file)]),
    );
    if (Object.keys(properties).length > 0) own.properties = properties;
    if (node.items !== undefined) own.items = resolve(node.items, file);
    const values = node.additionalProperties ?? Object.values(node.patternProperties ?? {})[0];
    if (values !== undefined) own.values = resolve(values, file);
    return merge([...parts, own]);
  };
  return resolve(load("config-schema.json"), "config-schema.json");
}

function merge(parts) {
  const merged = {};
  for (const part of parts) {
    for (const [key, value] of Object.entries(part)) {
      if (key === "properties") merged.properties = { ...merged.properties, ...value };
      else if (key === "required") merged.required = [...(merged.required ?? []), ...value];
      else merged[key] = value;
    }
  }
  return merged;
}

/** Every property by its path (`linux.namespaces[].type`, `linux.sysctl{}`), in the schema's order; what has properties of its own is not listed itself. */
export function propertyPaths(schema, path = "") {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, property]) => propertyPaths(property, path === "" ? name : `${path}.${name}`));
  }
  if (schema.items?.properties !== undefined) return propertyPaths(schema.items, `${path}[]`);
  if (schema.values?.properties !== undefined) return propertyPaths(schema.values, `${path}{}`);
  return [path];
}

export function checkSchema(root) {
  if (!existsSync(`${root}/${specification}`) || !existsSync(`${root}/${schemaFile}`)) return [];
  const now = JSON.stringify(resolveSchema(`${root}/${specification}`));
  return now === JSON.stringify(JSON.parse(readFileSync(`${root}/${schemaFile}`, "utf8")))
    ? []
    : [`${schemaFile}: differs from the specification; run node scripts/checks/oci-schema.mjs --write`];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href && process.argv[2] === "--write") {
  const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
  const schema = resolveSchema(process.argv[3] ?? `${root}/${specification}`);
  writeFileSync(`${root}/${schemaFile}`, `${JSON.stringify(schema, null, 2)}\n`);
}
