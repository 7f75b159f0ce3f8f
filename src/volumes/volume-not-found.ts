import { EngineError } from "../core/engine-error.ts";

/** In docker's words. */
export function volumeNotFound(name: string): EngineError {
  return new EngineError({ kind: "notFound", code: "VOLUME_NOT_FOUND", message: `get ${name}: no such volume` });
}
