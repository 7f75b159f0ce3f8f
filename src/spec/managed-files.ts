import { readFileSync } from "node:fs";
import { invalidOption } from "../core/invalid-option.ts";
import type { ContainerOptions } from "./container-options.ts";

/** The content of the three files that the engine manages in `/etc`. */
export interface ManagedFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

const loopbackHosts = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** With the host's network, the host's own names hold; DNS options replace what resolv.conf says in any case. */
export function managedFiles(options: ContainerOptions, hostname: string): ManagedFiles {
  const hostNetwork = options.namespaces?.network === "host";
  let hosts = hostNetwork ? readOr("/etc/hosts", loopbackHosts) : loopbackHosts;
  for (const entry of options.extraHosts ?? []) hosts += hostLine(entry);
  return { hosts, hostname: `${hostname}\n`, resolvConf: resolvConf(options) };
}

function hostLine(entry: string): string {
  const at = entry.search(/[:=]/);
  const name = entry.slice(0, Math.max(at, 0));
  const address = entry.slice(at + 1).replace(/^\[(.*)\]$/, "$1");
  if (name === "" || !/^[0-9a-fA-F.:]+$/.test(address)) {
    throw invalidOption(`bad format for add-host: "${entry}"; NAME:ADDRESS is meant`);
  }
  return `${address}\t${name}\n`;
}

function resolvConf(options: ContainerOptions): string {
  const own = readOr("/etc/resolv.conf", "");
  if (options.dns === undefined && options.dnsSearch === undefined && options.dnsOptions === undefined) return own;
  const kept = (word: string) => own.split("\n").filter((line) => line.startsWith(`${word} `));
  const search = options.dnsSearch?.filter((domain) => domain !== ".");
  return [
    ...(options.dns?.map((address) => `nameserver ${address}`) ?? kept("nameserver")),
    ...(search === undefined ? kept("search") : search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(options.dnsOptions === undefined ? kept("options") : [`options ${options.dnsOptions.join(" ")}`]),
    "",
  ].join("\n");
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return fallback;
  }
}
