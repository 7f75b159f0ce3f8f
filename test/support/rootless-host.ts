import { afterAll } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { type BundleChange, type MutableConfig, OciHost } from "./oci-host.ts";
import { RootlessUser } from "./rootless-user.ts";

/** `wherry oci` for all tests of this file, by somebody who is not root. */
export function useRootlessHost(topic: string) {
  const user = new RootlessUser(topic);
  const host = new OciHost(topic, user.runtime);
  chmodSync(host.directory, 0o755);
  user.own(host.directory);
  afterAll(async () => {
    await host.dispose();
    user.dispose();
  }, 60_000);
  /** What `spec --rootless` writes, for a test that says what it is about. */
  const bundle = async (args: readonly string[], change: BundleChange = () => undefined): Promise<string> => {
    const made = host.bundle(args);
    writeFileSync(`${made}/config.json`, "");
    user.own(made);
    await host.ok(["spec", "--rootless", "--bundle", `${made}/rootfs`]);
    const config = JSON.parse(readFileSync(`${made}/rootfs/config.json`, "utf8")) as MutableConfig;
    config.process.args = args;
    config.process.terminal = false;
    change(config);
    writeFileSync(`${made}/config.json`, JSON.stringify(config));
    return made;
  };
  return { user, host, bundle };
}
