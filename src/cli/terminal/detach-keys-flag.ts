import { parsedFlag } from "../flags/flag-spec.ts";
import { parseDetachKeys } from "./detach-keys.ts";

/** `--detach-keys`, shared by `run`, `start`, `attach` and `exec`. */
export const detachKeysFlag = parsedFlag("Override the key sequence for detaching a container", { parse: parseDetachKeys });
