import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { registryHost } from "./registry-settings.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-registries-`);
  writeFileSync(`${directory}/system.crt`, "SYSTEM");
});
afterEach(() => rmSync(directory, { recursive: true }));

const host = (name: string, settings?: object) => {
  if (settings !== undefined) writeFileSync(`${directory}/registries.json`, JSON.stringify(settings));
  return registryHost(name, { WHERRY_CONFIG: directory, SSL_CERT_FILE: `${directory}/system.crt` });
};
const urls = (name: string, settings?: object) => host(name, settings).endpoints.map(({ url }) => url);

describe("registryHost()", () => {
  test("speaks HTTPS, and plain HTTP after it only with this machine and what is insecure", () => {
    expect(urls("registry.lan:5000")).toEqual(["https://registry.lan:5000"]);
    expect(urls("docker.io")).toEqual(["https://registry-1.docker.io"]);
    for (const name of ["localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"])
      expect(urls(name)).toEqual([`https://${name}`, `http://${name}`]);
    const insecure = { "insecure-registries": ["registry.lan:5000", "10.0.0.0/8", "http://other.lan/"] };
    for (const name of ["registry.lan:5000", "10.1.2.3:80", "other.lan"])
      expect(urls(name, insecure)).toEqual([`https://${name}`, `http://${name}`]);
    expect(urls("registry.lan", insecure)).toEqual(["https://registry.lan"]);
  });

  test("asks mirrors first: Docker Hub's as docker names them, others by registry", () => {
    const settings = { "registry-mirrors": ["https://mirror.lan/"], mirrors: { "quay.io": ["http://a.lan", "https://b.lan/quay"] } };
    expect(urls("docker.io", settings)).toEqual(["https://mirror.lan", "https://registry-1.docker.io"]);
    expect(urls("quay.io", settings)).toEqual(["http://a.lan", "https://b.lan/quay", "https://quay.io"]);
    expect(host("quay.io").endpoints.map(({ mirror }) => mirror)).toEqual([true, true, false]);
    expect(urls("gcr.io", settings)).toEqual(["https://gcr.io"]);
  });

  test("trusts the system's authorities and the registry's own; an own one is checked on loopback, too", () => {
    expect(host("a.lan").endpoints[0]?.tls).toEqual({ authorities: ["SYSTEM"] });
    expect(host("localhost").endpoints[0]?.tls).toEqual({ authorities: ["SYSTEM"], unverified: true });
    mkdirSync(`${directory}/certs.d/localhost`, { recursive: true });
    for (const name of ["ca.crt", "b.crt", "client.cert", "client.key"]) writeFileSync(`${directory}/certs.d/localhost/${name}`, name);
    expect(host("localhost").endpoints[0]?.tls).toEqual({
      authorities: ["SYSTEM", "b.crt", "ca.crt"],
      certificate: "client.cert",
      key: "client.key",
    });
    expect(host("localhost:5000").endpoints[0]?.tls.certificate).toBeUndefined();
  });

  test.each<[string, RegExp]>([
    ["{", /not JSON/],
    ['{"insecure-registries":"x"}', /"insecure-registries": not a list/],
    ['{"registry-mirrors":["mirror.lan"]}', /`mirror.lan` is no http\(s\) URL/],
  ])("%p", (text, message) => {
    writeFileSync(`${directory}/registries.json`, text);
    expect(() => host("a.lan")).toThrow(
      expect.objectContaining({ code: "REGISTRY_SETTINGS_INVALID", message: expect.stringMatching(message) }),
    );
  });

  test("names the key that is missing beside a certificate", () => {
    mkdirSync(`${directory}/certs.d/a.lan`, { recursive: true });
    writeFileSync(`${directory}/certs.d/a.lan/client.cert`, "x");
    expect(() => host("a.lan")).toThrow(/its key client\.key is not there/);
  });
});
