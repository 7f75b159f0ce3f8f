// Registries that ask who comes: htpasswd, TLS with an authority of their own, client certificates, credential helpers.
// timeout: 300 s
import { afterAll, beforeAll, beforeEach, describe, expect, test as bunTest } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { makeLayoutArchive } from "../support/engine-image.ts";
import { run } from "../support/image-root.ts";
import { requires } from "../support/requires.ts";
import { TestRegistry } from "../support/test-registry.ts";
import { makeTestDirectory, useWherryHost } from "../support/wherry-host.ts";

const test = requires("root", "binary", "payload", "overlayfs", "busybox", "docker-registry", "skopeo", "htpasswd", "openssl");
const isThere = test === bunTest;
const login = { username: "jane", password: 'pass,"word=' };
const host = useWherryHost("login");
let directory = "";
let guarded: TestRegistry;
let secured: TestRegistry;
let mutual: TestRegistry;
/** DOCKER_CONFIG and WHERRY_CONFIG of this test alone. */
let env: Readonly<Record<string, string>>;

const configPath = (): string => `${directory}/docker/config.json`;
const config = (): Record<string, unknown> => JSON.parse(readFileSync(configPath(), "utf8"));

beforeAll(async () => {
  if (!isThere) return;
  directory = makeTestDirectory("login-registries");
  makeLayoutArchive(directory, "test");
  guarded = await TestRegistry.start(`${directory}/guarded`, { login });
  secured = await TestRegistry.start(`${directory}/secured`, { tls: true });
  mutual = await TestRegistry.start(`${directory}/mutual`, { tls: true, clientCertificates: true });
  const archive = `oci-archive:${directory}/layout.tar:test`;
  const copy = ["copy", "-q", "--dest-tls-verify=false"];
  run("skopeo", ...copy, "--dest-creds", `${login.username}:${login.password}`, archive, `docker://${guarded.host}/box:1`);
  run("skopeo", ...copy, archive, `docker://${secured.host}/box:1`);
  env = { DOCKER_CONFIG: `${directory}/docker`, WHERRY_CONFIG: `${directory}/etc` };
}, 60_000);

beforeEach(() => {
  if (!isThere) return;
  for (const name of ["docker", "etc"]) rmSync(`${directory}/${name}`, { recursive: true, force: true });
});

afterAll(async () => {
  if (!isThere) return;
  for (const registry of [guarded, secured, mutual]) await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

describe("login", () => {
  test("with the right password, and what is kept is what docker reads", async () => {
    const refused = await host.wherry(["pull", `${guarded.host}/box:1`], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^wherry: pull access denied for [\d.:]+\/box, repository does not exist or may require 'wherry login': unauthorized: authentication required\n$/,
    );
    const logged = await host.wherry(["login", "-u", login.username, "--password-stdin", guarded.host], {
      env,
      stdin: `${login.password}\n`,
    });
    expect(logged).toMatchObject({
      code: 0,
      stdout: "Login Succeeded\n",
      stderr: expect.stringContaining(`unencrypted in ${configPath()}`),
    });
    expect(statSync(configPath()).mode & 0o777).toBe(0o600);
    expect(config()).toEqual({
      auths: { [guarded.host]: { auth: Buffer.from(`${login.username}:${login.password}`).toString("base64") } },
    });
    await host.ok(["pull", "-q", `${guarded.host}/box:1`], { env });
    await host.ok(["tag", `${guarded.host}/box:1`, `${guarded.host}/pushed:1`]);
    const denied = await host.wherry(["push", `${guarded.host}/pushed:1`], { env: { ...env, DOCKER_CONFIG: `${directory}/none` } });
    expect(denied).toMatchObject({
      code: 1,
      stderr: `wherry: push access denied for ${guarded.host}/pushed, 'wherry login' may be required: authentication required\n`,
    });
    await host.ok(["push", "-q", `${guarded.host}/pushed:1`], { env });
    run("skopeo", "inspect", "--tls-verify=false", "--authfile", configPath(), `docker://${guarded.host}/pushed:1`);
  });

  test("with a wrong one is refused, and nothing is kept", async () => {
    const refused = await host.wherry(["login", "-u", "jane", "-p", "wrong", guarded.host], { env });
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/\nwherry: log in to `127[^`]*`: unauthorized: authentication required.*\n$/);
    expect(existsSync(configPath())).toBe(false);
  });

  test("leaves what else is in the file, its mode and its link", async () => {
    mkdirSync(`${directory}/docker`);
    const other = { HttpHeaders: { "X-Meta": "1" }, auths: { "quay.io": { auth: "YTpi" } }, psFormat: "x" };
    writeFileSync(configPath(), JSON.stringify(other), { mode: 0o640 });
    chmodSync(configPath(), 0o400);
    await host.wherry(["login", "-u", login.username, "--password-stdin", guarded.host], { env, stdin: login.password });
    expect(config()).toMatchObject(other);
    expect(statSync(configPath()).mode & 0o777).toBe(0o400);
    expect(await host.ok(["logout", guarded.host], { env })).toBe(`Removing login credentials for ${guarded.host}`);
    expect(config()).toEqual(other);
    expect(await host.ok(["logout", guarded.host], { env })).toBe(`Not logged in to ${guarded.host}`);
  });

  test("docker's login is ours, and ours is docker's", async () => {
    mkdirSync(`${directory}/docker`);
    const auth = Buffer.from(`${login.username}:${login.password}`).toString("base64");
    // As older docker versions keyed it.
    writeFileSync(configPath(), JSON.stringify({ auths: { [`https://${guarded.host}/v1/`]: { auth } } }));
    await host.ok(["pull", "-q", `${guarded.host}/box:1`], { env });
  });

  test("goes through the credential helper that the file names", async () => {
    mkdirSync(`${directory}/docker`);
    mkdirSync(`${directory}/bin`, { recursive: true });
    const kept = `${directory}/kept`;
    const helper = `#!/bin/sh\ncase "$1" in\nstore) cat > ${kept} ;;\nget) read -r server; if [ -e ${kept} ]; then cat ${kept}; else echo "credentials not found in native keychain"; exit 1; fi ;;\nerase) rm -f ${kept} ;;\nesac\n`;
    writeFileSync(`${directory}/bin/docker-credential-test`, helper, { mode: 0o755 });
    writeFileSync(configPath(), JSON.stringify({ credHelpers: { [guarded.host]: "test" } }));
    const options = { env: { ...env, PATH: `${directory}/bin:${process.env["PATH"]}` } };
    expect((await host.wherry(["pull", `${guarded.host}/box:1`], options)).stderr).toContain("pull access denied");
    const logged = await host.wherry(["login", "-u", "jane", "--password-stdin", guarded.host], { ...options, stdin: login.password });
    expect(logged).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(readFileSync(kept, "utf8"))).toEqual({ ServerURL: guarded.host, Username: "jane", Secret: login.password });
    expect(JSON.stringify(config())).not.toContain(Buffer.from(`jane:${login.password}`).toString("base64"));
    await host.ok(["pull", "-q", `${guarded.host}/box:1`], options);
    await host.ok(["logout", guarded.host], options);
    expect(existsSync(kept)).toBe(false);
    writeFileSync(configPath(), JSON.stringify({ credsStore: "nosuch" }));
    expect((await host.wherry(["pull", `${guarded.host}/box:1`], options)).stderr).toBe(
      "wherry: credential helper `nosuch` (get): docker-credential-nosuch is not in PATH\n",
    );
  });

  test("asks at a terminal, and the password does not show", async () => {
    await using terminal = host.terminal(["login", guarded.host], { env });
    await terminal.sees(/Username: $/);
    terminal.type(`${login.username}\r`);
    await terminal.sees(/Password: $/);
    terminal.type(`${login.password}\r`);
    await terminal.sees(/Login Succeeded/);
    expect(await terminal.exited).toBe(0);
    expect(terminal.output).not.toContain(login.password);
  });

  test("without a terminal or a password is refused", async () => {
    expect((await host.wherry(["login", guarded.host], { env })).stderr).toBe(
      "wherry: Cannot perform an interactive login from a non TTY device\n",
    );
  });
});

describe("TLS", () => {
  const authorityOf = (registry: TestRegistry): string => {
    const path = `${directory}/etc/certs.d/${registry.host}`;
    mkdirSync(path, { recursive: true });
    writeFileSync(`${path}/ca.crt`, registry.authority);
    return path;
  };

  test("by an authority in certs.d", async () => {
    authorityOf(secured);
    await host.ok(["pull", "-q", `${secured.host}/box:1`], { env });
  });

  test("by an authority that is another's is refused", async () => {
    const path = authorityOf(secured);
    writeFileSync(`${path}/ca.crt`, mutual.authority);
    const refused = await host.wherry(["pull", `${secured.host}/box:1`], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^wherry: .*the certificate of `127[^`]*`.*\n$/);
  });

  test("with a client's certificate, which a registry may want", async () => {
    const path = authorityOf(mutual);
    const without = await host.wherry(["pull", `${mutual.host}/box:1`], { env });
    expect(without.code).toBe(1);
    writeFileSync(`${path}/client.cert`, mutual.file("client.cert"));
    expect((await host.wherry(["pull", `${mutual.host}/box:1`], { env })).stderr).toContain("its key client.key is not there");
    writeFileSync(`${path}/client.key`, mutual.file("client.key"));
    expect((await host.wherry(["pull", `${mutual.host}/box:1`], { env })).stderr).toContain("manifest unknown");
  });

  test("a mirror is asked first, and left where it fails", async () => {
    mkdirSync(`${directory}/etc`);
    const settings = { mirrors: { "registry.invalid:5000": ["http://127.0.0.1:1", `https://${secured.host}`] } };
    writeFileSync(`${directory}/etc/registries.json`, JSON.stringify(settings));
    await host.ok(["pull", "-q", "registry.invalid:5000/box:1"], { env });
    writeFileSync(`${directory}/etc/registries.json`, "{");
    expect((await host.wherry(["pull", "registry.invalid:5000/box:1"], { env })).stderr).toBe(
      `wherry: read \`${directory}/etc/registries.json\`: it is not JSON\n`,
    );
  });
});
