import { DockerConfig } from "./docker-config.ts";

/**
 * What the user has set for every command in docker's `config.json`, which wherry shares; empty when nothing is. A file that can't be read keeps
 * no command from its work.
 * @see https://docs.docker.com/reference/cli/docker/#configuration-files
 */
export function clientSetting(env: Readonly<Record<string, string | undefined>>, name: "psFormat" | "statsFormat" | "detachKeys"): string {
  try {
    return DockerConfig.read(env).text(name);
  } catch {
    return "";
  }
}
