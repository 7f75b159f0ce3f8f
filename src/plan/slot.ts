/** A place for one descriptor in a plan: an operation fills it, later ones use it. Printed as `fd:NAME`. */
export interface Slot {
  readonly index: number;
  readonly name: string;
}
