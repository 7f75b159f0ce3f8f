import { invalidOption } from "../../core/invalid-option.ts";
import type { CliContext } from "../cli-context.ts";
import { askLine, readSecret } from "../credentials/ask.ts";
import { findCredentials, keepCredentials } from "../credentials/registry-credentials.ts";
import { registryName } from "../credentials/registry-name.ts";
import { stringFlag, switchFlag } from "../flags/flag-spec.ts";
import { isTerminal } from "../terminal/terminal.ts";
import { defineVerb } from "../verb.ts";

interface Given {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly "password-stdin": boolean;
}

export const loginVerb = defineVerb({
  usage: "[OPTIONS] [SERVER]",
  summary: "Log in to a registry",
  details:
    "Docker Hub when no server is given. Credentials are kept as docker keeps them: by the credential helper that ~/.docker/config.json names, else in that file.",
  flags: {
    password: stringFlag("Password", { short: "p" }),
    "password-stdin": switchFlag("Take the password from stdin"),
    username: stringFlag("Username", { short: "u" }),
  },
  minArguments: 0,
  maxArguments: 1,
  async run(context, { values, positionals: [server] }) {
    const registry = registryName(server);
    const credentials = await gather(context, registry, values);
    const { system } = await context.engine();
    await system.checkLogin(registry, credentials);
    const { plainTextFile } = keepCredentials(registry, credentials, context.env);
    if (plainTextFile !== undefined) {
      await context.stderr.write(
        `WARNING! Your password will be stored unencrypted in ${plainTextFile}.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/engine/reference/commandline/login/#credentials-store\n\n`,
      );
    }
    await context.stdout.write("Login Succeeded\n");
    return 0;
  },
});

/** From flags, standard input or the terminal, in docker's order and words. @throws {EngineError} INVALID_OPTION */
async function gather(
  context: CliContext,
  registry: string,
  given: Given,
): Promise<{ readonly username: string; readonly password: string }> {
  if (given["password-stdin"]) {
    if (given.password !== undefined) throw invalidOption("--password and --password-stdin are mutually exclusive");
    if (given.username === undefined || given.username === "") throw invalidOption("Must provide --username with --password-stdin");
    return { username: given.username, password: await readSecret(context) };
  }
  if (given.password !== undefined) {
    await context.stderr.write("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  }
  const known = given.username === undefined && given.password === undefined ? findCredentials(registry, context.env) : undefined;
  if (known !== undefined && "username" in known) {
    await context.stdout.write("Authenticating with existing credentials...\n");
    return known;
  }
  const missing = given.username === undefined || given.password === undefined;
  if (missing && !isTerminal(context.stdinFd)) throw invalidOption("Cannot perform an interactive login from a non TTY device");
  const username = given.username ?? (await askLine(context, "Username: ", false)).trim();
  if (username === "") throw invalidOption("username required");
  const password = given.password ?? (await askLine(context, "Password: ", true));
  if (password === "") throw invalidOption("password required");
  return { username, password };
}
