import { invalidOption } from "../core/invalid-option.ts";

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** NAME_MAX: it names a directory. */
const longest = 255;

/**
 * A volume's name as docker's local driver takes it: what passes is one plain component of a path.
 * @throws {EngineError} INVALID_OPTION
 */
export function checkVolumeName(name: string): string {
  if (name.length === 1)
    throw invalidOption(`create ${name}: volume name is too short, names should be at least two alphanumeric characters`);
  if (!pattern.test(name)) {
    throw invalidOption(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (name.length > longest)
    throw invalidOption(`create ${name.slice(0, 32)}…: the volume name has ${name.length} characters, ${longest} at most`);
  return name;
}
