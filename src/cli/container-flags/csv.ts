import { invalidValue } from "../flags/flag-spec.ts";

/**
 * The fields of one CSV line: commas separate, a field in double quotes may hold commas and doubled quotes.
 * @see RFC 4180
 */
export function splitCsv(line: string): string[] {
  const fields: string[] = [];
  let position = 0;
  for (;;) {
    if (line[position] === '"') {
      const match = /"((?:[^"]|"")*)"(?=,|$)/y;
      match.lastIndex = position;
      const found = match.exec(line);
      if (found === null) throw invalidValue('a field that starts with " must end with "');
      fields.push((found[1] ?? "").replaceAll('""', '"'));
      position += found[0].length;
    } else {
      const comma = line.indexOf(",", position);
      const end = comma < 0 ? line.length : comma;
      fields.push(line.slice(position, end));
      position = end;
    }
    if (position >= line.length) return fields;
    position += 1;
  }
}
