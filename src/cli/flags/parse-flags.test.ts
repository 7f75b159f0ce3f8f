import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EngineError } from "../../core/engine-error.ts";
import { bytesFlag, integerFlag, listFlag, optionalSwitchFlag, parsedFlag, stringFlag, switchFlag } from "./flag-spec.ts";
import { parseFlags } from "./parse-flags.ts";

const table = {
  detach: switchFlag("", { short: "d" }),
  env: listFlag("", { short: "e" }),
  explain: { ...stringFlag(""), valueWhenAlone: "run" },
  init: optionalSwitchFlag(""),
  interactive: switchFlag("", { short: "i" }),
  memory: bytesFlag("", { short: "m" }),
  name: stringFlag(""),
  network: stringFlag("", { aliases: ["net"] }),
  proxy: switchFlag("", { initial: true }),
  swap: bytesFlag("", { allowUnlimited: true }),
  timeout: integerFlag("", { short: "t" }),
  tty: switchFlag("", { short: "T" }),
} as const;

const parse = (...args: string[]) => parseFlags(table, args, { stopAtPositional: true });

describe("parseFlags() reads pflag's grammar", () => {
  test("switches together, with a value flag as the last", () => {
    const { values } = parse("-idTm512m");
    expect(values).toMatchObject({ interactive: true, detach: true, tty: true, memory: 512 * 1024 ** 2 });
  });

  test.each([[["-m512m"]], [["-m=512m"]], [["-m", "512m"]], [["--memory=512m"]], [["--memory", "512m"]]])("%p", (args) => {
    expect(parse(...args).values.memory).toBe(512 * 1024 ** 2);
  });

  test("--flag=false, --flag=true and a switch with a short value", () => {
    expect(parse("--proxy=false").values.proxy).toBe(false);
    expect(parse("--init=0").values.init).toBe(false);
    expect(parse("-d=f").values.detach).toBe(false);
    expect(parse("-d=1").values.detach).toBe(true);
  });

  test("a flag not given keeps what it starts with", () => {
    expect(parse().values).toEqual({
      detach: false,
      env: [],
      explain: undefined,
      init: undefined,
      interactive: false,
      memory: undefined,
      name: undefined,
      network: undefined,
      proxy: true,
      swap: undefined,
      timeout: undefined,
      tty: false,
    });
  });

  test("a repeated list flag collects, a repeated single flag keeps the last", () => {
    const { values } = parse("-e", "A=1", "--env=B=2", "--name", "x", "--name=y");
    expect(values.env).toEqual(["A=1", "B=2"]);
    expect(values.name).toBe("y");
  });

  test("a value may start with a dash or be empty", () => {
    expect(parse("--name", "--rm").values.name).toBe("--rm");
    expect(parse("--name=").values.name).toBe("");
    expect(parse("--swap", "-1").values.swap).toBe(-1);
    expect(parse("-t-5").values.timeout).toBe(-5);
  });

  test("an optional value counts only behind =", () => {
    const alone = parse("--explain", "only");
    expect(alone.values.explain).toBe("run");
    expect(alone.positionals).toEqual(["only"]);
    expect(parse("--explain=only").values.explain).toBe("only");
  });

  test("an alias is the same flag", () => {
    expect(parse("--net", "host").values.network).toBe("host");
  });

  test("it stops at the first positional when told to", () => {
    expect(parse("-d", "image", "-i", "--foo", "--").positionals).toEqual(["image", "-i", "--foo", "--"]);
    expect(parseFlags(table, ["a", "-d", "b"]).positionals).toEqual(["a", "b"]);
  });

  test("-- ends the flags, - is a positional", () => {
    expect(parse("-d", "--", "-i").positionals).toEqual(["-i"]);
    expect(parseFlags(table, ["-", "-d"]).positionals).toEqual(["-"]);
  });

  test("--help and -h ask for help, unless the verb has another -h", () => {
    expect(parse("--help").helpRequested).toBe(true);
    expect(parse("-h").helpRequested).toBe(true);
    expect(parse("image", "--help").helpRequested).toBe(false);
    const run = parseFlags({ hostname: stringFlag("", { short: "h" }) }, ["-h", "box"]);
    expect(run).toMatchObject({ helpRequested: false, values: { hostname: "box" } });
  });
});

describe("parseFlags() refuses in docker's words", () => {
  test.each([
    [["--badflag"], "CLI_FLAG_UNKNOWN", "unknown flag: --badflag"],
    [["--badflag=1"], "CLI_FLAG_UNKNOWN", "unknown flag: --badflag"],
    [["-ix"], "CLI_FLAG_UNKNOWN", "unknown shorthand flag: 'x' in -x"],
    [["--=x"], "CLI_FLAG_UNKNOWN", "bad flag syntax: --=x"],
    [["---x"], "CLI_FLAG_UNKNOWN", "bad flag syntax: ---x"],
    [["--memory"], "CLI_FLAG_VALUE_MISSING", "flag needs an argument: --memory"],
    [["-im"], "CLI_FLAG_VALUE_MISSING", "flag needs an argument: 'm' in -m"],
    [["-m", "12x"], "CLI_FLAG_VALUE_INVALID", `invalid argument "12x" for "-m, --memory" flag: invalid suffix: 'x'`],
    [["--detach=maybe"], "CLI_FLAG_VALUE_INVALID", `invalid argument "maybe" for "-d, --detach" flag`],
    [["--timeout", "1.5"], "CLI_FLAG_VALUE_INVALID", `"1.5" is not a whole number`],
    [["--timeout", ""], "CLI_FLAG_VALUE_INVALID", "is not a whole number"],
    [["--memory", "-1"], "CLI_FLAG_VALUE_INVALID", "invalid size: '-1'"],
  ])("%p", (args, code, message) => {
    let caught: unknown;
    try {
      parse(...args);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(EngineError);
    expect(caught).toMatchObject({ code });
    expect(String(caught)).toContain(message);
  });

  test("what is not implemented keeps its own words", () => {
    const refuse = parsedFlag("", {
      parse: () => {
        throw new EngineError({ kind: "notImplemented", code: "NOT_IMPLEMENTED", message: "not yet" });
      },
    });
    expect(() => parseFlags({ refuse }, ["--refuse", "x"])).toThrow(/^not yet$/);
  });
});

test("parseFlags() ends with a result or an EngineError, and loses no word, whatever it is given", () => {
  const word = fc.oneof(
    fc.constantFrom("--", "-", "-d", "-m", "--name", "--name=", "--detach=", "=", "-e=", "x"),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.boolean(), (args, stopAtPositional) => {
      try {
        const { positionals } = parseFlags(table, args, { stopAtPositional });
        expect(positionals.every((positional) => args.includes(positional))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }),
  );
});
