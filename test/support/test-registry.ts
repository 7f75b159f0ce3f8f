import { createServer } from "node:net";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { run } from "./image-root.ts";
import { StartedDaemon } from "./started-daemon.ts";

export interface TestRegistryOptions {
  /** Asks for this name and password. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Speaks TLS, with a certificate of an authority of its own; `authority` is its file. */
  readonly tls?: boolean;
  /** Wants a client's certificate of that authority, too. */
  readonly clientCertificates?: boolean;
}

/** Debian's docker-registry, the real one, on a free port of loopback. */
export class TestRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT`: what references begin with. */
  readonly host: string;
  readonly #directory: string;
  readonly #daemon: StartedDaemon;

  private constructor(host: string, directory: string, daemon: StartedDaemon) {
    this.host = host;
    this.#directory = directory;
    this.#daemon = daemon;
  }

  static async start(directory: string, options: TestRegistryOptions = {}): Promise<TestRegistry> {
    mkdirSync(directory, { recursive: true });
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    if (options.tls === true) makeCertificates(directory);
    if (options.login !== undefined) {
      const { username, password } = options.login;
      writeFileSync(`${directory}/htpasswd`, run("htpasswd", "-Bbn", username, password));
    }
    writeFileSync(`${directory}/config.json`, JSON.stringify(configuration(directory, host, options)));
    const log = `${directory}/log`;
    const daemon = await StartedDaemon.start(["docker-registry", "serve", `${directory}/config.json`], {
      log,
      isReady: () => readFileSync(log, "utf8").includes("listening on"),
    });
    return new TestRegistry(host, directory, daemon);
  }

  /** PEM of its authority. */
  get authority(): string {
    return readFileSync(`${this.#directory}/ca.crt`, "utf8");
  }

  /** A file that it was made with: `client.cert`, `client.key`. */
  file(name: string): string {
    return readFileSync(`${this.#directory}/${name}`, "utf8");
  }

  /** The requests that it has answered: `GET /v2/x/blobs/sha256:…`. */
  get requests(): readonly string[] {
    const log = readFileSync(`${this.#directory}/log`, "utf8");
    return [...log.matchAll(/"(GET|HEAD|PUT|POST|PATCH) (\/v2\/\S*) HTTP/g)].map(([, method, path]) => `${method} ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
  }
}

/** A port of loopback that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function configuration(directory: string, host: string, options: TestRegistryOptions): object {
  const certificates = { certificate: `${directory}/server.crt`, key: `${directory}/server.key` };
  const clients = options.clientCertificates === true ? { clientcas: [`${directory}/ca.crt`] } : {};
  return {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: `${directory}/data` } },
    http: { addr: host, ...(options.tls === true ? { tls: { ...certificates, ...clients } } : {}) },
    ...(options.login === undefined ? {} : { auth: { htpasswd: { realm: "test, with a comma", path: `${directory}/htpasswd` } } }),
  };
}

function makeCertificates(directory: string): void {
  const at = (name: string): string => `${directory}/${name}`;
  run(
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.crt"),
    "-days",
    "2",
    "-subj",
    "/CN=test",
  );
  writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1");
  for (const [name, certificate] of [
    ["server", "server.crt"],
    ["client", "client.cert"],
  ] as const) {
    const request = at(`${name}.csr`);
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", at(`${name}.key`), "-out", request, "-subj", `/CN=${name}`);
    const signing = ["-req", "-in", request, "-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2"];
    run("openssl", "x509", ...signing, "-extfile", at("names"), "-out", at(certificate));
  }
}
