import { formatTable } from "../output/table.ts";
import { compileTemplate } from "../template/template.ts";

/** How a verb's rows become text. */
export interface ListView<Row extends object> {
  /** The columns when nothing else is asked for, as a template: `{{.ID}}\t{{.Names}}`. */
  readonly defaultColumns: string;
  /** Field names to headings. */
  readonly headings: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/**
 * Rows in one of docker's forms: `table` (the default), `table TEMPLATE`, `json` (an object a line), or a template applied to each row, one a
 * line. `\t` and `\n` may be written as escapes.
 * @throws {EngineError} CLI_TEMPLATE_INVALID
 */
export function formatList<Row extends object>(view: ListView<Row>, format = ""): string {
  const wanted = format.trim();
  if (wanted === "json") return compileAndRun("{{json .}}", view.rows);
  if (wanted !== "" && wanted !== "table" && !/^table\s/.test(wanted)) return compileAndRun(unescape(format), view.rows);

  const columns = wanted === "" || wanted === "table" ? view.defaultColumns : unescape(wanted.slice("table".length).trim());
  const template = compileTemplate(columns);
  const lines = [template.execute(headingRow(view.headings)), ...view.rows.map((row) => template.execute(row))];
  return formatTable(lines.flatMap((line) => line.split("\n")).map((line) => line.split("\t")));
}

/** One value through `--format` of `inspect`, `version` or `info`: `json`, or a template; ends with a line feed. */
export function formatOne(value: object, format: string): string {
  return compileAndRun(format === "json" ? "{{json .}}" : unescape(format), [value]);
}

function compileAndRun(source: string, rows: readonly object[]): string {
  const template = compileTemplate(source);
  return rows.map((row) => `${template.execute(row)}\n`).join("");
}

/** What the template is applied to for the line of headings; a label's heading is made from its name. */
function headingRow(headings: Readonly<Record<string, string>>): object {
  return {
    ...headings,
    Label: (name: unknown) => {
      const last = String(name).split(".").at(-1) ?? "";
      return last.replaceAll(/[-_]/g, " ").toUpperCase();
    },
  };
}

function unescape(format: string): string {
  return format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}
