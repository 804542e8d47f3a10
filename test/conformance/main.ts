import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { caseTable } from './case-table.ts';
import { runSuite } from './suite.ts';

const usage = `Usage: npm run conformance -- --server URL [--token-file FILE] [--ca-file FILE] [--insecure]
         [--webhook-host ADDRESS] [--only TEXT] [--parallel N] | --list

Asks a Kubernetes API server what Rouse needs it to answer, in namespaces of its own, and cleans up.

  --server URL            e.g. https://127.0.0.1:6443
  --token-file FILE       holds the bearer token of an administrator
  --ca-file FILE          PEM of the authority that signed the server's certificate
  --insecure              do not verify the server's certificate
  --webhook-host ADDRESS  where the API server reaches this machine (default 127.0.0.1)
  --only TEXT             only cases whose name contains TEXT
  --parallel N            cases at a time (default 8)
  --list                  print the cases as the table of docs/reference/embedded.md

Exit code: 0 all cases passed, 1 some failed or the server cannot be used, 2 wrong arguments.`;

const options = {
  server: { type: 'string' },
  'token-file': { type: 'string' },
  'ca-file': { type: 'string' },
  insecure: { type: 'boolean', default: false },
  'webhook-host': { type: 'string', default: '127.0.0.1' },
  only: { type: 'string' },
  parallel: { type: 'string', default: '8' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const read = (file: string | undefined): string | undefined => (file === undefined ? undefined : readFileSync(file, 'utf8').trim());

const main = async (): Promise<number> => {
  let values;
  try {
    ({ values } = parseArgs({ options, allowPositionals: false }));
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  if (values.help || values.list) {
    console.log(values.list ? caseTable() : usage);
    return 0;
  }
  const parallel = Number(values.parallel);
  if (values.server === undefined || !URL.canParse(values.server) || !Number.isInteger(parallel) || parallel < 1) {
    console.error(`--server must be a URL such as https://127.0.0.1:6443, --parallel a number from 1\n\n${usage}`);
    return 2;
  }
  const { passed, failed } = await runSuite({
    target: { url: new URL(values.server).origin, token: read(values['token-file']), ca: read(values['ca-file']), insecure: values.insecure },
    webhookHost: values['webhook-host'],
    only: values.only,
    parallel,
    report: ({ name, problem, ms }) => console.log(problem === undefined ? `ok   ${name} (${ms} ms)` : `FAIL ${name}: ${problem.replaceAll(/\s+/g, ' ')}`),
  });
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
};

process.exitCode = await main().catch((error: unknown) => {
  console.error(`the server cannot be tested: ${messageOf(error)}`);
  return 1;
});
