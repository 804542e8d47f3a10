/** A name that has come before, with room for what a placer has found under it. */
export interface KnownName {
  readonly name: string;
  found?: object | undefined;
}

const quote = 0x22;
/** Fewer than half of the places are taken, so that a name is near the place that its bytes say. */
const placesAtFirst = 1024;
const stride = 4;
const beginAt = 1;
const lengthAt = 2;
/** For 50,000 names, the most that a call may have, and as many bytes for each as names of nodes have. */
const mostPlaces = 128 * 1024;
const mostBytes = 4 * 1024 * 1024;
/** Whoever sends names that all belong into one place does not have us look through all of them: what finds no place is not kept. */
const mostLooks = 8;

/**
 * The names of nodes that schedulers have sent, found by their bytes. Each call has nearly the same ones, in any order: as strings that are made anew they are
 * 0.4 MB of garbage a call, and to look up thousands of new strings waits for memory several times for each. Here all that is looked at lies side by side.
 * When it is full it begins anew.
 */
export class KnownNames {
  /** Of each place: the hash, where the bytes begin, and how many there are; 0: the place is free. */
  #places = new Int32Array(placesAtFirst * stride);
  #names: KnownName[] = [];
  #bytes = new Uint8Array(placesAtFirst * 32);
  #taken = 0;
  #used = 0;

  /** The names between `from` and `to` in `body`, written as `"a","b"`: ASCII without escapes, of 1 to 255 bytes each. */
  read(body: Buffer, from: number, to: number): readonly KnownName[] {
    const names: KnownName[] = [];
    for (let begin = from + 1; begin < to; begin += 3) {
      let [end, hash] = [begin, 0];
      for (let byte = body[end] ?? quote; byte !== quote; byte = body[end] ?? quote) {
        hash = (Math.imul(hash, 31) + byte) | 0;
        end += 1;
      }
      names.push(this.#find(body, begin, end, hash));
      begin = end;
    }
    return names;
  }

  #find(body: Buffer, begin: number, end: number, hash: number): KnownName {
    const length = end - begin;
    const places = this.#places;
    const last = places.length / stride - 1;
    // Names that differ in their last bytes have hashes side by side; so they are strewn (Knuth, The Art of Computer Programming 3, 6.4).
    const first = Math.imul(hash, 0x9e3779b1) >>> 8;
    for (let look = 0; look < mostLooks; look += 1) {
      const place = (first + look) & last;
      const at = place * stride;
      if (places[at + lengthAt] === 0) return this.#keep(body, begin, end, hash, place);
      if (places[at] !== hash || places[at + lengthAt] !== length || !this.#areAt(places[at + beginAt] ?? 0, body, begin, length)) continue;
      const known = this.#names[place];
      if (known !== undefined) return known;
    }
    return { name: body.toString('latin1', begin, end), found: undefined };
  }

  #areAt(at: number, body: Buffer, begin: number, length: number): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < length; index += 1) if (bytes[at + index] !== body[begin + index]) return false;
    return true;
  }

  #keep(body: Buffer, begin: number, end: number, hash: number, place: number): KnownName {
    const known: KnownName = { name: body.toString('latin1', begin, end), found: undefined };
    if (this.#taken * 2 * stride >= this.#places.length || this.#used + end - begin > this.#bytes.length) {
      this.#beginAnew();
      return known;
    }
    this.#places.set([hash, this.#used, end - begin], place * stride);
    this.#names[place] = known;
    this.#bytes.set(body.subarray(begin, end), this.#used);
    this.#used += end - begin;
    this.#taken += 1;
    return known;
  }

  /** With more room, as long as it may have more. */
  #beginAnew(): void {
    const places = Math.min(mostPlaces, (this.#places.length / stride) * 2);
    this.#places = new Int32Array(places * stride);
    this.#names = Array.from({ length: places });
    this.#bytes = new Uint8Array(Math.min(mostBytes, this.#bytes.length * 2));
    [this.#taken, this.#used] = [0, 0];
  }
}
