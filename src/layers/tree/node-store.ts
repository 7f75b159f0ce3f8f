import type { HostPath } from "../../core/brands.ts";
import { collectAll } from "../../core/garbage.ts";
import { impliedDirectory, type LayerNode } from "./layer-node.ts";
import { NodeSpool, recordBytes } from "./node-spool.ts";

/** As records; some 65,000 files with short names of their targets and no xattrs. */
const mostBytes = 4 * 1024 * 1024;

/** Files of a layer by number. Those of a small layer stay the objects that they are, which takes the least time; a larger one's go to a spool. */
export class NodeStore implements Disposable {
  readonly #scratch: HostPath;
  #objects: LayerNode[] = [];
  #bytes = 0;
  #spool: NodeSpool | undefined;
  /** Records of those that were objects first, by number. Behind them, a record's number is higher by as many. */
  #moved = new Uint32Array(0);

  /** @param scratch as `Spool` takes it. */
  constructor(scratch: HostPath) {
    this.#scratch = scratch;
  }

  get isLarge(): boolean {
    return this.#spool !== undefined;
  }

  /** Takes the node over and returns its number. @throws {RangeError} beyond 64 GiB; what node:fs throws when a file can't be written. */
  add(node: LayerNode): number {
    if (this.#spool === undefined) {
      this.#bytes += recordBytes(node);
      if (this.#bytes <= mostBytes) return this.#objects.push(node) - 1;
    }
    const spool = this.#spool ?? this.#move();
    return this.#moved.length + spool.add(node);
  }

  #move(): NodeSpool {
    const spool = new NodeSpool(this.#scratch);
    this.#spool = spool;
    this.#moved = Uint32Array.from(this.#objects, (node) => spool.add(node));
    this.#objects = [];
    collectAll();
    return spool;
  }

  /** Nothing is added any more. */
  seal(): void {
    this.#spool?.seal();
  }

  /** Valid until the next call. */
  get(number: number): LayerNode {
    if (this.#spool === undefined) return this.#objects[number] ?? impliedDirectory;
    const moved = this.#moved.length;
    return this.#spool.get(number < moved ? (this.#moved[number] ?? 0) : number - moved);
  }

  [Symbol.dispose](): void {
    this.#spool?.[Symbol.dispose]();
  }
}
