/** Every code an EngineError may carry, in alphabetical order. `docs/errors.md` lists the same; a check compares them. */
export const errorCodes = {
  CGROUP_BUSY: "a cgroup could not be removed because processes are still in it",
  CGROUP_CONTROLLER_MISSING: "a limit was asked for whose cgroup controller this host does not have",
  CGROUP_SETUP_FAILED: "Wherry's own cgroup could not be made or prepared",
  COMMAND_NOT_EXECUTABLE: "the command exists in the container but can't be executed (exit code 126)",
  COMMAND_NOT_FOUND: "the command is not in the container (exit code 127)",
  CONTAINER_AMBIGUOUS: "an id prefix that several containers share",
  CONTAINER_BUSY: "another process is starting or removing the container at this moment",
  CONTAINER_NAME_TAKEN: "another container has the name",
  CONTAINER_NOT_FOUND: "no container has that id, id prefix or name",
  CONTAINER_NOT_RUNNING: "the operation needs a running container",
  CONTAINER_PAUSED: "the operation needs a container that is not paused",
  CONTAINER_RUNNING: "the operation needs a container that does not run",
  IMAGE_NOT_FOUND: "no image has that name or id",
  INVALID_OPTION: "an option's value is malformed or does not go with another",
  LAUNCH_FAILED: "a kernel operation of the launch plan failed",
  NOT_ROOT: "direct access to the engine's state is root's",
  NO_ID_RANGE: "no free range of user ids is left for `--userns auto`",
  SECCOMP_INVALID: "a seccomp profile is malformed",
  SECCOMP_UNSUPPORTED: "a seccomp profile asks for something that is not supported",
  STATE_TOO_NEW: "the state was written by a later version",
  STATE_UNAVAILABLE: "the state's directory or database can't be used",
  USER_NOT_FOUND: "a user or group name is not in the container's passwd or group file",
} as const;

export type ErrorCode = keyof typeof errorCodes;
