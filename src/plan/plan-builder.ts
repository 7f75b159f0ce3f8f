import type { IgnoredErrors, LaunchPlan, Operation, OperationArguments, OperationName, Section } from "./operations.ts";
import type { Slot } from "./slot.ts";

/** What goes with an operation besides its arguments. */
export interface StepNotes {
  /** For `--explain`: one line, no full stop. */
  readonly why: string;
  /** Errors after which the plan goes on; at most two (the protocol has two places), or any. */
  readonly ignore?: IgnoredErrors;
  /** What an error message says was being done. */
  readonly doing?: string;
}

/**
 * Collects operations section by section, so that one topic (say, the terminal) can add to host, parent, child and tail at once.
 * Within a section, operations keep the order of the calls.
 */
export class PlanBuilder {
  readonly #sections: Readonly<Record<Section, Operation[]>> = { host: [], parent: [], child: [], tail: [] };
  readonly #slots: Slot[] = [];
  /** How often each name was asked for. */
  readonly #names = new Map<string, number>();

  /** A new slot; when the name is taken, `NAME-2`, `NAME-3`, and so on, so that explanations stay unambiguous. */
  slot(name: string): Slot {
    const count = (this.#names.get(name) ?? 0) + 1;
    this.#names.set(name, count);
    const slot = { index: this.#slots.length, name: count === 1 ? name : `${name}-${count}` };
    this.#slots.push(slot);
    return slot;
  }

  add<Name extends OperationName>(section: Section, name: Name, args: OperationArguments<Name>, notes: StepNotes): void {
    const operation = { name, section, args, ignore: [], ...notes };
    // The compiler can't see that name and args of one generic call belong to the same member of the union.
    this.#sections[section].push(operation as unknown as Operation);
  }

  host<Name extends OperationName>(name: Name, args: OperationArguments<Name>, notes: StepNotes): void {
    this.add("host", name, args, notes);
  }

  parent<Name extends OperationName>(name: Name, args: OperationArguments<Name>, notes: StepNotes): void {
    this.add("parent", name, args, notes);
  }

  child<Name extends OperationName>(name: Name, args: OperationArguments<Name>, notes: StepNotes): void {
    this.add("child", name, args, notes);
  }

  tail<Name extends OperationName>(name: Name, args: OperationArguments<Name>, notes: StepNotes): void {
    this.add("tail", name, args, notes);
  }

  build(): LaunchPlan {
    const { host, parent, child, tail } = this.#sections;
    return { operations: [...host, ...parent, ...child, ...tail], slots: [...this.#slots] };
  }
}
