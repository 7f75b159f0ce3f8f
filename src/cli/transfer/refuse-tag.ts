import { invalidOption } from "../../core/invalid-option.ts";

/** `--all-tags` goes with a bare name. @throws {EngineError} INVALID_OPTION, in docker's words */
export function refuseTag(name: string): void {
  if (/[:@]/.test(name.slice(name.lastIndexOf("/") + 1))) throw invalidOption("tag can't be used with --all-tags/-a");
}
