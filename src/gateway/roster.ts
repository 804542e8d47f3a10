/** What can be in a `Roster`. */
export interface Member {
  /** The roster's own; -1 outside. */
  place: number;
}

/**
 * A set without order whose members know their places. Where members come and go with each request a `Set` keeps the dead ones in memory: the tables that it grows out of point to one
 * another, and one of them that is old holds all that came after it through every collection but a full one.
 */
export class Roster<Of extends Member> {
  readonly #members: Of[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Of): void {
    if (member.place < 0) member.place = this.#members.push(member) - 1;
  }

  remove(member: Of): void {
    const { place } = member;
    if (place < 0) return;
    member.place = -1;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#members[place] = last;
    last.place = place;
  }

  /** Visits each that is a member now and still when it is reached; one may be visited twice where another one is removed meanwhile. */
  forEach(visit: (member: Of) => void): void {
    for (let place = this.#members.length - 1; place >= 0; place -= 1) {
      const member = this.#members[place];
      if (member !== undefined) visit(member);
    }
  }
}
