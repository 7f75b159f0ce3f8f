import { printable } from "../../core/printable.ts";

export interface TableShape {
  /** Of a column, its padding included. */
  readonly minWidth: number;
  readonly padding: number;
}

/** The shape of docker's lists. */
export const listShape: TableShape = { minWidth: 10, padding: 3 };

/**
 * Rows of cells as aligned lines, each ended by a line feed. The last cell of a row is not padded. Control characters come out as `\\x1b`.
 * @see https://pkg.go.dev/text/tabwriter, which docker's columns come from
 */
export function formatTable(raw: readonly (readonly string[])[], shape: TableShape = listShape): string {
  const rows = raw.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? shape.minWidth, displayWidth(cell) + shape.padding);
    }
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell))))
        .join(""),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** In code points, as tabwriter counts. */
function displayWidth(text: string): number {
  return [...text].length;
}
