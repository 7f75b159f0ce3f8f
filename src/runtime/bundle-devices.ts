import type { OciDeviceRule } from "../plan/oci-config.ts";

/**
 * The device rules of a bundle, with what every container may use whatever its configuration says: the specification's default devices and
 * the right to make nodes (opening them is another matter). As runc, these come last.
 * @see runtime-spec config-linux.md, "Default Devices"
 */
export function withDefaultDevices(rules: readonly OciDeviceRule[]): readonly OciDeviceRule[] {
  return [{ allow: false, access: "rwm" }, ...rules.map(withoutWildcards), ...defaults];
}

/** -1 is what runc's callers write for "any". */
function withoutWildcards({ major, minor, ...rule }: OciDeviceRule): OciDeviceRule {
  return {
    ...rule,
    ...(major === undefined || major < 0 ? {} : { major }),
    ...(minor === undefined || minor < 0 ? {} : { minor }),
  };
}

const character = (major: number, minor?: number): OciDeviceRule => ({
  allow: true,
  type: "c",
  major,
  ...(minor === undefined ? {} : { minor }),
  access: "rwm",
});

const defaults: readonly OciDeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  character(1, 3),
  character(1, 5),
  character(1, 7),
  character(1, 8),
  character(1, 9),
  character(5, 0),
  character(5, 2),
  character(136),
];
