/** One limit of a container as a value for a file of a controller, before it is known where the controller lives. */
export interface CgroupSetting {
  readonly controller: string;
  /** Where the limit stands in `linux.resources`, e.g. `memory.limit`: for messages and to tell defaults from what a user asked for. */
  readonly option: string;
  readonly file: string;
  readonly value: string;
}

/** Says whether a group of `controller` has a file: its name differs between kernels, schedulers and configurations. */
export type HasCgroupFile = (controller: string, file: string) => boolean;

/** What decides the form of the settings. */
export interface SettingContext {
  readonly hasFile: HasCgroupFile;
  /** The group is new: values that it has from the kernel need no write. False for an update. */
  readonly fresh: boolean;
}
