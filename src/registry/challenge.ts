/** One way to authenticate that a server offers. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const space = /[ \t]*/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const token68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/**
 * Reads a WWW-Authenticate header: several challenges, quoted strings with commas and escapes in them. What is malformed ends
 * the list: the challenges before it hold.
 * @see RFC 9110, 11.6.1
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found === null) return undefined;
    at += found[0].length;
    return found;
  };
  const skipCommas = (): void => {
    for (take(space); header[at] === ","; take(space)) at++;
  };
  for (skipCommas(); at < header.length; skipCommas()) {
    const scheme = take(token)?.[0].toLowerCase();
    if (scheme === undefined) break;
    const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
    challenges.push({ scheme, parameters });
    take(space);
    if (header[at] === ",") continue;
    // `Negotiate YII…=`: credentials without a name; of no use here.
    const before = at;
    if (take(token68) !== undefined && !/^[^=]+=[^=]/.test(header.slice(before, at))) continue;
    at = before;
    while (at < header.length) {
      skipCommas();
      const start = at;
      const name = take(token)?.[0].toLowerCase();
      take(space);
      if (name === undefined || header[at] !== "=") {
        // The next challenge's scheme.
        at = start;
        break;
      }
      at++;
      take(space);
      const inQuotes = take(quoted)?.[1]?.replace(/\\(.)/g, "$1");
      const value = inQuotes ?? take(token)?.[0];
      if (value === undefined) return challenges;
      if (!Object.hasOwn(parameters, name)) parameters[name] = value;
      take(space);
      if (at < header.length && header[at] !== ",") return challenges;
    }
  }
  return challenges;
}
