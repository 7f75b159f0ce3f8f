import { forgetCredentials } from "../credentials/registry-credentials.ts";
import { registryName } from "../credentials/registry-name.ts";
import { defineVerb } from "../verb.ts";

export const logoutVerb = defineVerb({
  usage: "[SERVER]",
  summary: "Log out from a registry",
  details: "Docker Hub when no server is given.",
  flags: {},
  minArguments: 0,
  maxArguments: 1,
  async run(context, { positionals: [server] }) {
    const registry = registryName(server);
    const shown = registry === "docker.io" ? "https://index.docker.io/v1/" : registry;
    if (forgetCredentials(registry, context.env)) await context.stdout.write(`Removing login credentials for ${shown}\n`);
    else await context.stdout.write(`Not logged in to ${shown}\n`);
    return 0;
  },
});
