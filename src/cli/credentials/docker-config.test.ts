import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { DockerConfig } from "./docker-config.ts";
import { findCredentials, forgetCredentials, keepCredentials } from "./registry-credentials.ts";
import { registryName } from "./registry-name.ts";

let directory: string;
let env: Readonly<Record<string, string>>;
const path = (): string => `${directory}/config.json`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const write = (document: unknown): void => writeFileSync(path(), typeof document === "string" ? document : JSON.stringify(document));

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/wherry-docker-config-`);
  env = { DOCKER_CONFIG: directory };
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("findCredentials()", () => {
  test.each<[unknown, unknown]>([
    [{}, undefined],
    [{ auths: null }, undefined],
    [{ auths: { "r.lan": {} } }, undefined],
    [{ auths: { "r.lan": { auth: base64("jane:a:b") } } }, { username: "jane", password: "a:b" }],
    [{ auths: { "r.lan": { username: "jane", password: "x" } } }, { username: "jane", password: "x" }],
    [{ auths: { "https://r.lan/v1/": { auth: base64("jane:x\0") } } }, { username: "jane", password: "x" }],
    [{ auths: { "r.lan": { auth: base64("jane:x"), identitytoken: "t" } } }, { identityToken: "t" }],
    [{ auths: { "r.lan": { registrytoken: "t" } } }, { registryToken: "t" }],
    [{ auths: { "r.lan:5000": { auth: base64("jane:x") } } }, undefined],
    [{ auths: { __proto__: { auth: base64("jane:x") } } }, undefined],
  ])("%j", (document, expected) => {
    write(document);
    expect(findCredentials("r.lan", env)).toEqual(expected as never);
  });

  test("Docker Hub's are under its old name", () => {
    write({ auths: { "https://index.docker.io/v1/": { auth: base64("jane:x") } } });
    expect(findCredentials("docker.io", env)).toEqual({ username: "jane", password: "x" });
  });

  test("without a file there are none; the home directory's is the default", () => {
    expect(findCredentials("r.lan", env)).toBeUndefined();
    expect(DockerConfig.read({ HOME: "/home/jane" }).path).toBe("/home/jane/.docker/config.json");
  });

  test.each<[unknown, RegExp]>([
    ["{", /it is not JSON/],
    ["[]", /it is not an object/],
    [{ auths: { "r.lan": { auth: base64("nocolon") } } }, /`auth` of r\.lan is not NAME:PASSWORD/],
    [{ credsStore: "../../bin/sh" }, /its name holds a slash/],
  ])("%j is refused", (document, message) => {
    write(document);
    expect(() => findCredentials("r.lan", env)).toThrow(message);
  });
});

describe("keepCredentials()", () => {
  const jane = { username: "jane", password: "x" };

  test("makes a file that only its owner reads, and a directory", () => {
    env = { DOCKER_CONFIG: `${directory}/new` };
    expect(keepCredentials("r.lan", jane, env)).toEqual({ plainTextFile: `${directory}/new/config.json` });
    expect(statSync(`${directory}/new/config.json`).mode & 0o777).toBe(0o600);
    expect(statSync(`${directory}/new`).mode & 0o777).toBe(0o700);
    expect(findCredentials("r.lan", env)).toEqual(jane);
  });

  test("keeps everything else, in its order, and takes rights from others", () => {
    write({ z: 1, auths: { "b.lan": { auth: "eA==", email: "e" } }, a: { deep: [1] } });
    keepCredentials("r.lan", jane, env);
    expect(Object.keys(JSON.parse(readFileSync(path(), "utf8")))).toEqual(["z", "auths", "a"]);
    expect(JSON.parse(readFileSync(path(), "utf8"))).toMatchObject({ z: 1, auths: { "b.lan": { email: "e" } }, a: { deep: [1] } });
    expect(statSync(path()).mode & 0o077).toBe(0);
  });

  test("writes through a link, and leaves no file of its own", () => {
    mkdirSync(`${directory}/real`);
    writeFileSync(`${directory}/real/file.json`, "{}");
    symlinkSync("real/file.json", path());
    keepCredentials("r.lan", jane, env);
    expect(lstatSync(path()).isSymbolicLink()).toBe(true);
    expect(readFileSync(`${directory}/real/file.json`, "utf8")).toContain("r.lan");
    expect(readdirSync(`${directory}/real`)).toEqual(["file.json"]);
  });

  test("forgetCredentials() takes the registry's alone", () => {
    keepCredentials("r.lan", jane, env);
    keepCredentials("s.lan", jane, env);
    expect(forgetCredentials("r.lan", env)).toBe(true);
    expect(forgetCredentials("r.lan", env)).toBe(false);
    expect(findCredentials("s.lan", env)).toEqual(jane);
  });
});

describe("registryName()", () => {
  test.each([
    [undefined, "docker.io"],
    ["", "docker.io"],
    ["docker.io", "docker.io"],
    ["https://index.docker.io/v1/", "docker.io"],
    ["registry-1.docker.io", "docker.io"],
    ["https://r.lan:5000/v2/", "r.lan:5000"],
    ["[::1]:5000", "[::1]:5000"],
  ])("%p is %p", (server, name) => {
    expect(registryName(server)).toBe(name);
  });

  test.each(["a b", "r.lan:port", "user@r.lan"])("%p is refused", (server) => {
    expect(() => registryName(server)).toThrow(/is no registry: give HOST\[:PORT\]/);
  });
});
