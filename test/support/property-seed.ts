import fc from 'fast-check';

/** The seed of all properties. `.ci/run` sets one: a red run is about the change. By hand every run has seeds of its own, and a failure prints its seed. */
const seed = process.env['PROPERTY_SEED'];

if (seed !== undefined) {
  if (!/^-?\d+$/.test(seed)) throw new Error(`PROPERTY_SEED is ${JSON.stringify(seed)}; it has to be a whole number, as PROPERTY_SEED=1`);
  fc.configureGlobal({ seed: Number(seed) });
}
