/** A parsed template: what is between the actions, and the actions. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | { readonly kind: "if" | "with"; readonly pipe: Pipe; readonly body: readonly Node[]; readonly otherwise: readonly Node[] }
  | { readonly kind: "range"; readonly pipe: Pipe; readonly body: readonly Node[]; readonly otherwise: readonly Node[] }
  | { readonly kind: "break" | "continue" };

/** `$x := a | b c`: the result of each command is the last argument of the next. */
export interface Pipe {
  /** Variables that get the result; two only in `range`. */
  readonly variables: readonly string[];
  /** `=`: the variables exist already. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

/** A function, method or plain value, then arguments. Never empty. */
export interface Command {
  readonly operands: readonly Operand[];
}

export type Operand =
  | { readonly kind: "dot" }
  | { readonly kind: "nil" }
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  | { readonly kind: "function"; readonly name: string }
  /** `$x.A.B`; without a variable `.A.B`. */
  | { readonly kind: "path"; readonly variable?: string; readonly fields: readonly string[] }
  /** `(…).A.B` */
  | { readonly kind: "nested"; readonly pipe: Pipe; readonly fields: readonly string[] };
