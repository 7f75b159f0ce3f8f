import { EngineError } from "../core/engine-error.ts";

export function volumeNotFound(name: string): EngineError {
  return new EngineError({ kind: "notFound", code: "VOLUME_NOT_FOUND", message: `No such volume: ${name}` });
}
