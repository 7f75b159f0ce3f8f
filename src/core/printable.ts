/** Names from images and containers are in messages and tables, and those go to terminals: one line, and nothing that a terminal obeys. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code === 10 ? "\\n" : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}

/** JSON of the same meaning, in which nothing is left that a terminal obeys: JSON.stringify leaves DEL and the second set of control characters. */
export function printableJson(json: string): string {
  return json.replaceAll(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
