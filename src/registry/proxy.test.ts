import { describe, expect, test } from "bun:test";
import { isInRange, proxyFor } from "./proxy.ts";

const https = new URL("https://registry.example.com/v2/");

describe("proxyFor()", () => {
  test("takes the one of the URL's scheme, in upper case first", () => {
    const env = { HTTPS_PROXY: "http://jane:p%40ss@proxy:3128", https_proxy: "http://other", HTTP_PROXY: "plain" };
    expect(proxyFor(https, env)).toEqual({ host: "proxy", port: 3128, credentials: "jane:p@ss" });
    expect(proxyFor(new URL("http://x.example"), env)).toEqual({ host: "plain", port: 80, credentials: undefined });
    expect(proxyFor(https, {})).toBeUndefined();
    expect(proxyFor(https, { HTTPS_PROXY: "", https_proxy: "http://small" })?.host).toBe("small");
  });

  test("never one for this machine, and none that a CGI client chose", () => {
    const env = { HTTPS_PROXY: "http://p", HTTP_PROXY: "http://p" };
    for (const host of ["localhost", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"])
      expect(proxyFor(new URL(`https://${host}/`), env)).toBeUndefined();
    expect(proxyFor(new URL("http://x.example"), { ...env, REQUEST_METHOD: "GET" })).toBeUndefined();
  });

  test.each([
    ["*", true],
    ["registry.example.com", true],
    ["example.com", true],
    [".example.com", true],
    ["*.example.com", true],
    ["other.com, EXAMPLE.com ", true],
    ["example.com:443", true],
    ["example.com:8443", false],
    ["ample.com", false],
    [".registry.example.com", false],
    ["", false],
  ])("NO_PROXY=%p: %p", (list, excepted) => {
    expect(proxyFor(https, { HTTPS_PROXY: "http://p", NO_PROXY: list }) === undefined).toBe(excepted);
  });

  test("NO_PROXY knows IPv4 ranges", () => {
    const env = { HTTPS_PROXY: "http://p", NO_PROXY: "10.1.0.0/16,192.168.1.7" };
    expect(proxyFor(new URL("https://10.1.255.1/"), env)).toBeUndefined();
    expect(proxyFor(new URL("https://192.168.1.7:5000/"), env)).toBeUndefined();
    expect(proxyFor(new URL("https://10.2.0.1/"), env)?.host).toBe("p");
  });

  test.each(["https://p", "socks5://p", "http://"])("%p is refused, and its password not shown", (url) => {
    const text = url.replace("://", "://u:secret@");
    expect(() => proxyFor(https, { HTTPS_PROXY: text })).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    expect(() => proxyFor(https, { HTTPS_PROXY: text })).not.toThrow(/secret/);
  });
});

test.each([
  ["10.0.0.1", "10.0.0.0/8", true],
  ["11.0.0.1", "10.0.0.0/8", false],
  ["255.255.255.255", "0.0.0.0/0", true],
  ["1.2.3.4", "1.2.3.4/32", true],
  ["1.2.3.5", "1.2.3.4/32", false],
  ["1.2.3.4", "1.2.3.4/33", false],
  ["::1", "10.0.0.0/8", false],
  ["host", "10.0.0.0/8", false],
])("isInRange(%p, %p) is %p", (address, range, expected) => {
  expect(isInRange(address, range)).toBe(expected);
});
