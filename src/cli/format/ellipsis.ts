/** At most `width` characters; what was cut shows as `…` in the last place. */
export function ellipsis(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

/** A text in double quotes with Go's escapes, as docker shows commands. */
export function goQuote(text: string): string {
  return `"${text.replace(/["\\]|[\x00-\x1f\x7f]/g, (char) => QUOTED[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`)}"`;
}

const QUOTED: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};
