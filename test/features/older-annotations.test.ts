import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseGatewayPorts, parseSavedSelector, parseWorkloadState, printGatewayPorts, printSavedSelector, printWorkloadState } from '../../src/core/index.ts';
import { parseStatus, printStatus } from '../../src/scaler/index.ts';

/** What an older Rouse wrote on objects is read by the one that follows it, so that an upgrade, or a rollback, loses nothing that there is to hand back. */

const frozen = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'data', 'annotations-v1.json'), 'utf8')) as Readonly<Record<string, readonly string[]>>;

/** Reads, and prints again; a problem is its sentence. */
const rewriters: Readonly<Record<string, (text: string) => string>> = {
  'rouse.dev/state': (text) => {
    const read = parseWorkloadState(text);
    return read.ok ? printWorkloadState(read.value) : read.problem;
  },
  'rouse.dev/status': (text) => {
    const read = parseStatus(text);
    return read?.reason === undefined || read.since === undefined
      ? 'cannot be read'
      : printStatus({ desired: read.desired, reason: read.reason, since: read.since });
  },
  'rouse.dev/selector': (text) => {
    const read = parseSavedSelector(text);
    return read.ok ? printSavedSelector(read.value) : read.problem;
  },
  'rouse.dev/gateway-ports': (text) => {
    const read = parseGatewayPorts(text);
    return read.ok ? printGatewayPorts(read.value) : read.problem;
  },
};

for (const [name, rewrite] of Object.entries(rewriters))
  test(`${name} of version 1 is read whole, and written as it was`, (t) => {
    const texts = frozen[name] ?? [];
    t.true(texts.length > 0);
    for (const text of texts) t.is(rewrite(text), text);
  });
