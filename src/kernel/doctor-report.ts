/** One thing that the kernel or host offers or lacks. */
export interface DoctorItem {
  readonly name: string;
  readonly status: "ok" | "limited" | "missing";
  /** What was seen: a version, a path, an errno. */
  readonly detail: string;
  /** What is then limited, and the remedy; empty when ok. */
  readonly consequence: string;
}

export interface DoctorSection {
  readonly title: string;
  readonly items: readonly DoctorItem[];
}

export interface DoctorReport {
  readonly sections: readonly DoctorSection[];
}
