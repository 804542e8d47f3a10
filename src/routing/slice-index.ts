import type { EndpointSliceView } from '../kube/index.ts';
import { isOurs } from './gateway-slice.ts';

/** EndpointSlices by their Service, and how many of ours name which address. */
export class SliceIndex {
  readonly #byService = new Map<string, Map<string, EndpointSliceView>>();
  readonly #pointed = new Map<string, number>();

  add(slice: EndpointSliceView): void {
    if (slice.serviceName === undefined) return;
    const service = `${slice.namespace}/${slice.serviceName}`;
    const own = this.#byService.get(service);
    if (own === undefined) this.#byService.set(service, new Map([[slice.name, slice]]));
    else own.set(slice.name, slice);
    this.#count(slice, 1);
  }

  delete(slice: EndpointSliceView): void {
    if (slice.serviceName === undefined) return;
    const service = `${slice.namespace}/${slice.serviceName}`;
    const own = this.#byService.get(service);
    if (own?.delete(slice.name) === true) this.#count(slice, -1);
    if (own?.size === 0) this.#byService.delete(service);
  }

  of(service: string): readonly EndpointSliceView[] {
    return [...(this.#byService.get(service)?.values() ?? [])];
  }

  /** Every address that some slice of ours names. */
  addresses(): Iterable<string> {
    return this.#pointed.keys();
  }

  /** Whether any slice of ours names the address. */
  pointAt(address: string): boolean {
    return this.#pointed.has(address);
  }

  #count(slice: EndpointSliceView, by: 1 | -1): void {
    if (!isOurs(slice)) return;
    for (const { addresses } of slice.endpoints)
      for (const address of addresses) {
        const now = (this.#pointed.get(address) ?? 0) + by;
        if (now > 0) this.#pointed.set(address, now);
        else this.#pointed.delete(address);
      }
  }
}
