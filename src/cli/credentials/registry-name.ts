import { invalidOption } from "../../core/invalid-option.ts";

/**
 * A registry's name as in references, of what people give to `login`: `https://registry.lan:5000/v2/` is `registry.lan:5000`. @throws
 * {EngineError} INVALID_OPTION
 */
export function registryName(server: string | undefined): string {
  if (server === undefined || server === "") return "docker.io";
  const name = server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  if (!/^(?:[a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?$/.test(name)) throw invalidOption(`\`${server}\` is no registry: give HOST[:PORT]`);
  return name === "index.docker.io" || name === "registry-1.docker.io" ? "docker.io" : name;
}
