// Which member of a lane opens next: a binary heap of (time, member). A member may stand in it more than once; the reader checks.

export class Deadlines {
  readonly #times: number[] = [];
  readonly #members: number[] = [];

  get size(): number {
    return this.#times.length;
  }

  /** Time of the earliest entry; `Infinity` where there is none. */
  get earliest(): number {
    return this.#times[0] ?? Infinity;
  }

  push(time: number, member: number): void {
    const times = this.#times;
    const members = this.#members;
    let at = times.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent]! <= time) break;
      times[at] = times[parent]!;
      members[at] = members[parent]!;
      at = parent;
    }
    times[at] = time;
    members[at] = member;
  }

  /** Takes the earliest entry out and returns its member. Only while `size > 0`. */
  pop(): number {
    const first = this.#members[0]!;
    const time = this.#times.pop()!;
    const member = this.#members.pop()!;
    if (this.#times.length > 0) this.#sink(time, member);
    return first;
  }

  #sink(time: number, member: number): void {
    const times = this.#times;
    const members = this.#members;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= times.length) break;
      if (child + 1 < times.length && times[child + 1]! < times[child]!) child++;
      if (times[child]! >= time) break;
      times[at] = times[child]!;
      members[at] = members[child]!;
      at = child;
    }
    times[at] = time;
    members[at] = member;
  }
}
