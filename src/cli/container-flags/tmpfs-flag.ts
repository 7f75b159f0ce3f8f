import type { MountOption } from "../../spec/container-options.ts";
import { parseSize } from "../../core/size.ts";
import { invalidValue } from "../flags/flag-spec.ts";

/** `--tmpfs /run[:size=64m,mode=1777,noexec,…]`. A size in per cent stays an option for the kernel. */
export function parseTmpfs(text: string): MountOption {
  const colon = text.indexOf(":");
  const target = colon < 0 ? text : text.slice(0, colon);
  if (!target.startsWith("/")) throw invalidValue(`the path in the container, "${target}", must be absolute`);
  let readonly = false;
  let size: number | undefined;
  let mode: number | undefined;
  const options: string[] = [];
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
    const [key, value = ""] = option.split("=", 2);
    if (option === "ro") readonly = true;
    else if (option === "rw" || option === "") continue;
    else if (key === "size" && !value.endsWith("%")) size = parseSize(value);
    else if (key === "mode") {
      if (!/^[0-7]{1,5}$/.test(value)) throw invalidValue(`mode "${value}" is not octal`);
      mode = Number.parseInt(value, 8);
    } else options.push(option);
  }
  return {
    type: "tmpfs",
    target,
    readonly,
    ...(size === undefined ? {} : { tmpfsSizeBytes: size }),
    ...(mode === undefined ? {} : { tmpfsMode: mode }),
    ...(options.length === 0 ? {} : { options }),
  };
}
