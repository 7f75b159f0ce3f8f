/** How TLS is spoken with one registry; what is absent is the system's default. PEM texts. */
export interface TlsSettings {
  /** Trusted besides the system's authorities. */
  readonly authorities?: readonly string[];
  readonly certificate?: string;
  readonly key?: string;
  /** The server's certificate is not checked. */
  readonly unverified?: boolean;
}

/** One address at which a registry answers. */
export interface RegistryEndpoint {
  /** `https://HOST[:PORT][/PREFIX]`, no slash at the end; `/v2/…` follows. */
  readonly url: string;
  readonly tls: TlsSettings;
  /** Plain HTTP is as good as HTTPS here, for token services and redirects too. */
  readonly insecure: boolean;
  /** Answers for another registry: asked first, left at its first failure, never given that registry's credentials. */
  readonly mirror: boolean;
}

/** A registry as it is reached from this host. */
export interface RegistryHost {
  /** As in references: `docker.io`, `registry.lan:5000`. */
  readonly name: string;
  /** In the order in which they are tried. */
  readonly endpoints: readonly RegistryEndpoint[];
}

/** Docker Hub answers under another name than that of its images. */
export const dockerHub = { name: "docker.io", server: "registry-1.docker.io" } as const;

/** `host` of a URL without its port, or of `HOST:PORT`; brackets of IPv6 addresses are dropped. */
export function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, "")).toLowerCase();
}

/** This machine itself: docker's `127.0.0.0/8`, its IPv6 sister and the name. */
export function isLoopback(host: string): boolean {
  const name = hostName(host);
  return name === "localhost" || name === "::1" || /^127\.\d+\.\d+\.\d+$/.test(name);
}
