import type { LayerTree } from "../layer-tree.ts";
import { noName } from "./name-table.ts";

/**
 * Goes through a tree's names: a directory's before those in it, and those in the order of their bytes. What is in a directory is looked at
 * only when the name behind it is asked for. No generator, which would make an object for every name.
 */
export class TreeWalk {
  readonly #tree: LayerTree;
  /** The directories that the name is in. */
  readonly #above: number[] = [];
  #name = noName;

  constructor(tree: LayerTree) {
    this.#tree = tree;
  }

  /** The next name, the root's first; `noName` behind the last. */
  next(): number {
    const tree = this.#tree;
    if (this.#name === noName) return (this.#name = tree.rootName);
    const node = tree.nodeOf(this.#name);
    let next = tree.isDirectory(node) ? tree.firstIn(node) : noName;
    if (next !== noName) this.#above.push(this.#name);
    else next = tree.nextTo(this.#name);
    while (next === noName) {
      const left = this.#above.pop();
      if (left === undefined) return noName;
      next = tree.nextTo(left);
    }
    return (this.#name = next);
  }

  /** The next name of a directory. */
  nextDirectory(): number {
    let name = this.next();
    while (name !== noName && !this.#tree.isDirectory(this.#tree.nodeOf(name))) name = this.next();
    return name;
  }
}
