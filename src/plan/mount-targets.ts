import type { PlanContext } from "./plan-context.ts";

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

  /** Something was mounted on `path`: what was made beneath it is covered. */
  covered(path: string): void {
    for (const known of this.#known) {
      if (known.startsWith(`${path}/`)) this.#known.delete(known);
    }
    this.#known.add(path);
  }
}
