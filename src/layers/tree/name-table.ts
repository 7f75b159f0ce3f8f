import type { ByteString } from "../../core/byte-string.ts";
import { NameBytes } from "./name-bytes.ts";
import type { Slice } from "./path-cursor.ts";
import { type Names, sortNames } from "./sort-names.ts";
import { Uint32Column } from "./uint32-column.ts";

/** Instead of a name: there is none. */
export const noName = 0;

/**
 * Names in directories, each with the number of the file that it stands for; directories are numbers, too. Names are numbered from 1. Of
 * each some 30 bytes besides the name's own.
 */
export class NameTable implements Names {
  readonly #bytes = new NameBytes();
  readonly #positions = new Uint32Column();
  #hashes = new Uint32Column();
  /** Of each name: the directory that it is in, the node that it stands for, and the name behind it in the same directory. */
  readonly parents = new Uint32Column();
  readonly nodes = new Uint32Column();
  readonly next = new Uint32Column();
  /** By hash, the next free one when that is taken; at most three of four are in use, and the length is a power of two. */
  #slots = new Uint32Array(1024);
  /** So that nobody can choose names that collide. */
  readonly #seed = Math.floor(Math.random() * 2 ** 32);

  constructor() {
    // The one that stands for none.
    this.#pushLoose(0);
  }

  find(parent: number, name: Slice): number {
    return this.#slots[this.#slotOf(parent, name, this.#hash(parent, name))] ?? noName;
  }

  /** Gives a name to a node. Returns the name's number if it is new in the directory, where `next` comes behind it then; otherwise `noName`. */
  set(parent: number, name: Slice, to: { readonly node: number; readonly next: number }): number {
    if (this.#positions.length > this.#slots.length * 0.75) this.#grow();
    const hash = this.#hash(parent, name);
    const slot = this.#slotOf(parent, name, hash);
    const found = this.#slots[slot] ?? noName;
    if (found !== noName) {
      this.nodes.set(found, to.node);
      return noName;
    }
    const id = this.#positions.push(this.#bytes.add(name));
    this.#hashes.push(hash);
    this.parents.push(parent);
    this.nodes.push(to.node);
    this.next.push(to.next);
    this.#slots[slot] = id;
    return id;
  }

  /** Adds one that is in no directory and never found. */
  addLoose(text: ByteString): number {
    return this.#pushLoose(this.#bytes.add({ text, start: 0, end: text.length }));
  }

  length(name: number): number {
    return this.#bytes.length(this.#positions.get(name));
  }

  text(name: number): ByteString {
    return this.#bytes.text(this.#positions.get(name));
  }

  byteAt(name: number, index: number): number {
    return this.#bytes.byteAt(this.#positions.get(name), index);
  }

  isBefore(name: number, other: number, depth: number): boolean {
    return this.#bytes.isBefore(this.#positions.get(name), this.#positions.get(other), depth);
  }

  copy(name: number, into: Buffer, at: number): number {
    return this.#bytes.copy(this.#positions.get(name), into, at);
  }

  /** Sorts a directory's names, of which one is given, by their bytes. Returns the first. */
  sort(first: number): number {
    let count = 0;
    for (let name = first; name !== noName; name = this.next.get(name)) count++;
    const ids = new Uint32Array(count);
    // The last one added is the first.
    for (let name = first, at = count; name !== noName; name = this.next.get(name)) ids[--at] = name;
    sortNames(this, ids);
    for (let at = 0; at < count; at++) this.next.set(ids[at] ?? noName, ids[at + 1] ?? noName);
    return ids[0] ?? noName;
  }

  /** Gives back what only `find` and `add` need, which are not called any more. */
  finish(): void {
    this.#slots = new Uint32Array(1);
    this.#hashes = new Uint32Column();
  }

  #pushLoose(position: number): number {
    this.#hashes.push(0);
    this.parents.push(0);
    this.nodes.push(0);
    this.next.push(noName);
    return this.#positions.push(position);
  }

  /** FNV-1a, with its bits mixed at the end: the last ones choose the slot. */
  #hash(parent: number, { text, start, end }: Slice): number {
    let hash = Math.imul(this.#seed ^ parent, 0x9e37_79b1);
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  /** Where the name is, or would be. */
  #slotOf(parent: number, name: Slice, hash: number): number {
    const last = this.#slots.length - 1;
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const id = this.#slots[slot] ?? noName;
      if (id === noName) return slot;
      if (this.#hashes.get(id) === hash && this.parents.get(id) === parent && this.#bytes.equals(this.#positions.get(id), name))
        return slot;
    }
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const last = slots.length - 1;
    for (const id of this.#slots) {
      if (id === noName) continue;
      let slot = this.#hashes.get(id) & last;
      while (slots[slot] !== noName) slot = (slot + 1) & last;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}
