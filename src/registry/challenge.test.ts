import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseChallenges } from "./challenge.ts";

describe("parseChallenges()", () => {
  test.each<[string, readonly (readonly [string, Record<string, string>])[]]>([
    ["", []],
    ['Basic realm="Registry Realm"', [["basic", { realm: "Registry Realm" }]]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [["bearer", { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a/b:pull,push" }]],
    ],
    [
      'Basic realm="a, \\"b\\"", Bearer realm="c"',
      [
        ["basic", { realm: 'a, "b"' }],
        ["bearer", { realm: "c" }],
      ],
    ],
    ["Bearer realm = x , Service=y", [["bearer", { realm: "x", service: "y" }]]],
    [
      "Negotiate, Basic realm=x",
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    [
      "Negotiate YII==, Basic realm=x",
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    [
      "NTLM TlRM/+x=, Digest a=b",
      [
        ["ntlm", {}],
        ["digest", { a: "b" }],
      ],
    ],
    ["Bearer realm=x, realm=y", [["bearer", { realm: "x" }]]],
    ['Bearer realm="open', [["bearer", {}]]],
    ['Bearer realm="a" service="b"', [["bearer", { realm: "a" }]]],
    [",, Basic ,", [["basic", {}]]],
    ['Bearer __proto__="x"', [["bearer", {}]]],
  ])("%p", (header, expected) => {
    const found = parseChallenges(header).map(({ scheme, parameters }) => [scheme, { ...parameters }] as const);
    expect(found.map(([scheme]) => scheme)).toEqual(expected.map(([scheme]) => scheme));
    for (const [index, [, parameters]] of expected.entries()) expect(found[index]?.[1]).toMatchObject(parameters);
  });

  test("ends, whatever it is given", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~\t]*$/), (header) => {
        expect(parseChallenges(header).length).toBeLessThanOrEqual(header.length);
      }),
    );
  });
});
