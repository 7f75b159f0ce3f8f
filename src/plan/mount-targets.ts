import { O, RESOLVE } from "./kernel-flags.ts";
import type { PlanContext } from "./plan-context.ts";
import type { Slot } from "./slot.ts";

/**
 * Makes the places that mounts go to, each once. A symbolic link on the way is followed inside the root only, so a hostile image
 * cannot make the launcher create anything on the host.
 */
export class MountTargets {
  readonly #context: PlanContext;
  /** Directories that are certain to exist where a lookup now leads. */
  readonly #known = new Set<string>(["", "/"]);

  constructor(context: PlanContext) {
    this.#context = context;
  }

  /** CHILD: `path` is a directory afterwards. */
  directory(path: string): void {
    if (this.#known.has(path)) return;
    const { plan, root } = this.#context;
    plan.child("MKDIRP", [root, path, 0o755, 0, 0], { why: `a place for ${path}`, doing: `make the directory \`${path}\`` });
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) this.#known.add(at);
  }

  /** CHILD: there is something to mount a file on at `path` afterwards. */
  file(path: string): void {
    this.directory(path.slice(0, path.lastIndexOf("/")));
    const { plan, root } = this.#context;
    plan.child("TOUCH", [root, path, 0o644], { why: `a place for ${path}`, doing: `make the file \`${path}\`` });
  }

  /**
   * CHILD: the entry that has the name `path` itself, a symbolic link too, to mount a file on; made where there is none. A mount over a link
   * hides it: what it leads to, which may be another mount of the container's or missing in one that is read-only, stays as it is.
   * open(2) follows no link that something is mounted on, since the walk crosses the mount first.
   */
  entry(path: string, slot: Slot): void {
    this.directory(path.slice(0, path.lastIndexOf("/")));
    const { plan, root } = this.#context;
    const doing = `make the file \`${path}\``;
    const made = plan.slot(`${slot.name}-made`);
    plan.child("OPEN", [root, path, O.O_CREAT | O.O_EXCL | O.O_CLOEXEC, 0o644, RESOLVE.RESOLVE_IN_ROOT, made], {
      why: `a place for ${path}, unless something has that name`,
      doing,
      ignore: ["EEXIST"],
    });
    plan.child("OPEN", [root, path, O.O_PATH | O.O_NOFOLLOW | O.O_CLOEXEC, 0, RESOLVE.RESOLVE_IN_ROOT, slot], {
      why: "that place itself, should it be a link",
      doing,
    });
  }

  /** Something was mounted on `path`: what was made beneath it is covered. */
  covered(path: string): void {
    for (const known of this.#known) {
      if (known.startsWith(`${path}/`)) this.#known.delete(known);
    }
    this.#known.add(path);
  }
}
