import { type ContainerFiles, type ContainerRecord, readRecord } from "../../runtime/container-record.ts";
import { containerStatus } from "../../runtime/container-status.ts";
import { parseLine } from "../command-line.ts";
import { oneContainer } from "../container-argument.ts";
import type { OciCommand } from "../oci-context.ts";

export const state: OciCommand = {
  flags: {},
  async run(args, context) {
    const files = oneContainer("state", parseLine({}, args).words, context);
    context.print(`${JSON.stringify(stateOf(files, readRecord(files)), null, 2)}\n`);
    return 0;
  },
};

/** The specification's state, with runc's additions (`rootfs`, `created`, `owner`). */
export function stateOf(files: ContainerFiles, record: ContainerRecord): Readonly<Record<string, unknown>> {
  const status = containerStatus(files, record);
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    pid: status === "stopped" ? 0 : record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(Object.keys(record.annotations).length === 0 ? {} : { annotations: record.annotations }),
    owner: "",
  };
}
