import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EngineError } from "../../core/engine-error.ts";
import { compileTemplate } from "./template.ts";
import { asMap } from "./value.ts";

const data = {
  ID: "abcdef",
  Names: ["/one", "/two"],
  Empty: [],
  State: { Running: true, Pid: 0, Health: null, Ratio: 1.5, Big: 12345678901234567890n },
  Labels: asMap({ zone: "b", app: "web", "com.example.x": "dotted" }),
  Size: 1024,
  Label: (name: string) => `label ${name}`,
  Add: (a: number, b: number) => a + b,
};

const render = (source: string, value: unknown = data): string => compileTemplate(source).execute(value);

describe("a template", () => {
  test.each([
    ["text alone", "text alone"],
    ["{{.ID}}", "abcdef"],
    ["{{ .ID }}{{/* said */}}", "abcdef"],
    ["{{.}}", "{abcdef [/one /two] [] {true 0 <nil> 1.5 12345678901234567890} map[app:web com.example.x:dotted zone:b] 1024 <nil> <nil>}"],
    ["{{.State.Pid}}/{{.State.Running}}", "0/true"],
    ["{{.State.Health}}", "<nil>"],
    ["{{.Labels.app}} {{.Labels.none}}", "web <no value>"],
    ['{{index .Labels "com.example.x"}}|{{index .Labels "none"}}|', "dotted||"],
    ["{{index .Names 1}}", "/two"],
    ["{{.Names}} {{.Empty}}", "[/one /two] []"],
    ['{{.Label "x"}} {{"y" | .Label}}', "label x label y"],
    ["{{.Add 1 2}} {{2 | .Add 1}}", "3 3"],
    ["{{$.ID}} {{$x := .ID}}{{$x}}", "abcdef abcdef"],
    ["{{(index .Names 0)}}{{(.State).Pid}}", "/one0"],
  ])("%p gives %p", (source, expected) => {
    expect(render(source)).toBe(expected);
  });

  test.each([
    ["a {{- .ID}}", "aabcdef"],
    ["{{.ID -}} \n b", "abcdefb"],
    ["a {{- 3 -}} b", "a3b"],
    ["{{- /* c */ -}} x", "x"],
    ["{{-3}}", "-3"],
    ["{{if true -}}  x  {{- end}}", "x"],
  ])("trims: %p gives %p", (source, expected) => {
    expect(render(source)).toBe(expected);
  });

  test.each([
    ["{{if .State.Running}}up{{else}}down{{end}}", "up"],
    ["{{if .State.Pid}}a{{else if .ID}}b{{else}}c{{end}}", "b"],
    ["{{with .State.Health}}h{{else}}none{{end}}", "none"],
    ["{{with .State}}{{.Pid}}{{end}}", "0"],
    ["{{with $y := .ID}}{{$y}}{{end}}", "abcdef"],
    ["{{range .Names}}<{{.}}>{{end}}", "</one></two>"],
    ["{{range $i, $n := .Names}}{{if $i}}, {{end}}{{$i}}={{$n}}{{end}}", "0=/one, 1=/two"],
    ["{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "app=web;com.example.x=dotted;zone=b;"],
    ["{{range .Empty}}x{{else}}nothing{{end}}", "nothing"],
    ["{{range 3}}{{.}}{{end}}", "012"],
    ["{{range .Names}}{{.}}{{break}}{{end}}", "/one"],
    ["{{range .Names}}{{continue}}{{.}}{{end}}", ""],
    ["{{range .Names}}{{$.ID}}{{end}}", "abcdefabcdef"],
    ["{{$n := 0}}{{range .Names}}{{$n = 7}}{{end}}{{$n}}", "7"],
    ["{{$n := 1}}{{range .Names}}{{$n := 7}}{{end}}{{$n}}", "1"],
  ])("control: %p gives %p", (source, expected) => {
    expect(render(source)).toBe(expected);
  });

  test.each([
    ["{{json .Labels}}", '{"app":"web","com.example.x":"dotted","zone":"b"}'],
    ["{{json .State.Health}}{{json .ID}}", 'null"abcdef"'],
    ["{{json .}}", expect.stringContaining('"Size":1024}')],
    ['{{join .Names ","}} {{split "a,b" ","}}', "/one,/two [a b]"],
    ['{{upper .ID}} {{lower "AB"}} {{title "ab cd"}}', "ABCDEF ab Ab Cd"],
    ["[{{pad .ID 1 2}}] {{truncate .ID 3}} {{slice .ID 1 3}} {{len .ID}}", "[ abcdef  ] abc bc 6"],
    ["{{len .Names}} {{len .Labels}}", "2 3"],
    ["{{println .ID 1}}{{print 1 2}}{{print 1 .ID 2}}", "abcdef 1\n1 21abcdef2"],
    ['{{printf "%s-%d-%05d-%x-%q-%v-%t-%.1f-%%" .ID 5 42 255 "q" .Names true 2.25}}', 'abcdef-5-00042-ff-"q"-[/one /two]-true-2.3-%'],
    ['{{printf "%-8s|%8s|%+d" .ID .ID 3}}', "abcdef  |  abcdef|+3"],
    ['{{printf "%d %s" "x"}}', "%!d(string=x) %!s(MISSING)"],
    ['{{printf "%d" 1 2}}', "1%!(EXTRA number=2)"],
    ['{{eq .ID "abcdef"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}}', "true true true true true false"],
    ["{{eq 3 1 2 3}} {{eq .State.Health nil}}", "true true"],
    ["{{and 1 0 .Boom}} {{or 0 2 .Boom}} {{not 0}}", "0 2 true"],
    ['{{"a b&c" | urlquery}} {{html "<b>"}}', "a+b%26c &#60;b&#62;"],
    ["{{3.5}} {{0x1f}} {{1_000}} {{'a'}} {{`raw\\n`}} {{\"t\\tx\\u00e9\"}}", "3.5 31 1000 97 raw\\n t\txé"],
    ["{{1e30}} {{0.00001}} {{100000}}", "1e+30 1e-05 100000"],
  ])("functions: %p gives %p", (source, expected) => {
    expect(render(source)).toEqual(expected);
  });
});

describe("a template is refused", () => {
  test.each([
    ["{{", "unclosed action"],
    ["{{.ID", "unclosed action"],
    ['{{"abc}}', "unexpected"],
    ["{{}}", "missing value for command"],
    ["{{if}}x{{end}}", "missing value for if"],
    ["{{if .ID}}x", "unexpected EOF"],
    ["{{end}}", "unexpected {{end}}"],
    ["{{else}}", "unexpected {{else}}"],
    ["{{if .ID}}{{else}}{{else}}{{end}}", "expected end"],
    ["{{frobnicate .ID}}", 'function "frobnicate" not defined'],
    ["{{$x}}", 'undefined variable "$x"'],
    ["{{if .ID}}{{$y := 1}}{{end}}{{$y}}", 'undefined variable "$y"'],
    ["{{$a, $b := .Names}}", "too many declarations"],
    ["{{break}}", "outside {{range}}"],
    ["{{.ID | 3}}", "non executable command in pipeline stage 2"],
    ["{{nil}}", "nil is not a command"],
    ["{{3 4}}", "can't give argument to non-function"],
    ["{{.ID)}}", "unexpected"],
    ["{{(.ID}}", "unexpected"],
    ["{{.ID.}}", "unexpected"],
    ["{{define `x`}}{{end}}", "not supported"],
    ["line\n{{.ID", ":2: unclosed action"],
    ["{{if 1}}".repeat(300), "nested too deeply"],
    [`{{${"(".repeat(300)}1}}`, "nested too deeply"],
  ])("%p: %p", (source, message) => {
    expect(() => compileTemplate(source)).toThrow(message);
  });

  test.each([
    ["{{.Nope}}", "can't evaluate field Nope"],
    ["{{.ID.Sub}}", "can't evaluate field Sub in type string"],
    ["{{.State.Health.Status}}", "nil pointer evaluating field Status"],
    ["{{.constructor}}", "can't evaluate field constructor"],
    ["{{.__proto__}}", "can't evaluate field __proto__"],
    ["{{.Labels.constructor.name}}", "nil pointer"],
    ["{{index .Names 2}}", "index out of range: 2"],
    ["{{index .Names -1}}", "index out of range"],
    ["{{range .ID}}{{end}}", "range can't iterate over abcdef"],
    ['{{eq 1 "1"}}', "incompatible types for comparison"],
    ["{{lt .Names .Names}}", "invalid type for comparison"],
    ["{{len 3}}", "len of type number"],
    ["{{upper 3}}", "expected string; got number"],
    ["{{upper}}", "wrong number of args for upper: want 1 got 0"],
    ["{{.ID 3}}", "cannot be invoked as function"],
    ["{{and}}", "wrong number of args for and"],
    ["{{pad `x` 100000 0}}", "too much"],
  ])("when it does not fit the data: %p: %p", (source, message) => {
    expect(() => render(source)).toThrow(message);
  });
});

test("any text is a template or an EngineError", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "{{",
      "}}",
      "{{-",
      "-}}",
      ".",
      ".ID",
      ".Names",
      "$",
      "$x",
      ":=",
      "=",
      "|",
      "(",
      ")",
      ",",
      "if",
      "else",
      "end",
      "range",
      "with",
      "break",
      "printf",
      "index",
      "json",
      '"%d%s"',
      "1",
      "-1",
      "nil",
      "true",
      " ",
      "\n",
      "/*",
      "*/",
      "'a'",
      "`",
      '"',
    ),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        expect(typeof render(pieces.join(""))).toBe("string");
        expect(typeof render(`{{${pieces.join(" ")}}}`)).toBe("string");
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("text without braces comes out as it is", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.includes("{{"));
      expect(render(text)).toBe(text);
    }),
  );
});
