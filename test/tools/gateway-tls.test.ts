import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { freePort, startOrigin, until, type Origin } from '../support/gateway-rig.ts';
import { curl } from '../support/http-scene.ts';
import { runProgram, startProgram, type ProgramResult } from '../support/real-program.ts';
import { startRouse } from '../support/rouse-process.ts';
import { caPem, certificateFor, temporaryDirectory, writePair } from '../support/tls-rig.ts';
import { until as untilAsync } from '../support/until.ts';

/** A gateway that is a process of its own, its shared ports with TLS and behind HAProxy, and curl and openssl as clients. */

const host = 'web.shop.example';

interface Scene {
  readonly directory: string;
  readonly certificates: string;
  readonly ca: string;
  readonly origin: Origin;
  /** Ports. */
  readonly shared: number;
  readonly tls: number;
  readonly metrics: () => Promise<string>;
  /** curl that believes in our authority alone, and finds every host at the port for TLS. */
  readonly curl: (url: string, ...args: readonly string[]) => Promise<ProgramResult>;
}

const startTls = async (t: ExecutionContext, ...flags: readonly string[]): Promise<Scene> => {
  t.timeout(60_000);
  const directory = await temporaryDirectory(t);
  const [routes, certificates, ca] = ['routes.json', 'certificates', 'ca.crt'].map((name) => join(directory, name)) as [string, string, string];
  const origin = await startOrigin((request, response) => {
    const { 'x-forwarded-for': client = '', 'x-forwarded-proto': scheme = '' } = request.headers;
    if (request.url === '/slow') {
      response.write('begun\n');
      setTimeout(() => response.end('ended\n'), 7000);
    } else request.resume().on('end', () => response.end(`${String(scheme)} ${String(client)}\n`));
  });
  t.teardown(origin.die);
  const endpoints = [{ address: '127.0.0.1', port: origin.port }];
  await writeFile(routes, JSON.stringify({ workloads: [{ name: 'default/web', hosts: [host, 'other.shop.example', 'unknown.example'], endpoints }] }));
  await writeFile(ca, caPem);
  await writePair(certificates, 'web', await certificateFor(host));
  const [shared, tls] = [await freePort(), await freePort()];
  const ports = ['--listen', '127.0.0.1', '--shared-port', String(shared), '--tls-port', String(tls), '--tls-cert-dir', certificates, '--metrics-port', '0'];
  const gateway = startRouse(['gateway', '--routes', routes, ...ports, ...flags]);
  t.teardown(() => gateway.stop('SIGKILL'));
  const [, metrics = ''] = await gateway.line(/^ready: .*metrics=(\S+)/);
  return {
    directory,
    certificates,
    ca,
    origin,
    shared,
    tls,
    metrics: async () => (await fetch(metrics)).text(),
    curl: (url, ...args) => curl(t, ['--cacert', ca, '--connect-to', `::127.0.0.1:${tls}`, ...args, url], { limitMs: 20_000 }),
  };
};

test('curl gets its answer over TLS 1.3 and 1.2, with the certificate of the name that it asks for', async (t) => {
  const scene = await startTls(t);
  for (const version of ['1.3', '1.2']) {
    const { code, text, errors } = await scene.curl(
      `https://${host}/`,
      `--tlsv${version}`,
      '--tls-max',
      version,
      '--http1.1',
      '-w',
      '%{http_version} %{ssl_verify_result}',
    );
    t.is(code, 0, errors);
    t.is(text, 'https 127.0.0.1\n1.1 0');
    const two = await scene.curl(`https://${host}/`, `--tlsv${version}`, '--tls-max', version, '--http2', '-w', '%{http_version} %{ssl_verify_result}');
    t.is(two.text, 'https 127.0.0.1\n2 0', two.errors);
  }
  const upload = await scene.curl(`https://${host}/`, '-T', '-', '-H', 'Transfer-Encoding: chunked');
  t.is(upload.code, 0, upload.errors);
  const kept = await scene.curl(`https://${host}/`, '-w', '%{num_connects}\n', `https://${host}/again`);
  t.is(kept.text, 'https 127.0.0.1\n1\nhttps 127.0.0.1\n0\n');
});

test('h2load over TLS runs clean: 5,000 requests over HTTP/2, none lost', async (t) => {
  const scene = await startTls(t);
  const args = ['-n', '5000', '-c', '10', '-m', '20', `--connect-to=127.0.0.1:${scene.tls}`, `https://${host}/`];
  const { text, errors } = await runProgram(t, 'h2load', args, { limitMs: 50_000 });
  t.regex(text, /Application protocol: h2/, errors);
  t.regex(text, /requests: 5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout/);
  t.is(scene.origin.requests.length, 5000);
});

test('TLS 1.1, weak ciphers, new keys in the middle and names without a certificate are refused', async (t) => {
  const scene = await startTls(t);
  const handshake = (...args: readonly string[]): Promise<ProgramResult> =>
    runProgram(t, 'openssl', ['s_client', '-connect', `127.0.0.1:${scene.tls}`, '-servername', host, '-CAfile', scene.ca, '-verify_return_error', ...args], {
      stdin: 'R\n',
    });
  t.regex((await handshake('-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0')).errors, /alert protocol version/);
  t.regex((await handshake('-tls1_2', '-cipher', 'AES128-SHA:ECDHE-ECDSA-AES128-SHA')).errors, /handshake failure/);
  const renegotiated = await handshake('-tls1_2');
  t.regex(renegotiated.text, /Cipher is ECDHE-ECDSA-AES/);
  t.regex(renegotiated.errors, /RENEGOTIATING[^]*no renegotiation/);
  const unknown = await scene.curl('https://unknown.example/');
  t.is(unknown.code, 35);
  t.regex(unknown.errors, /unrecognized name/);
  t.regex(await scene.metrics(), /^rouse_gateway_rejected_connections_total\{reason="tls-unrecognized-name"\} 1$/m);
  // HTTP without TLS is told what is wrong.
  const plain = await curl(t, [`http://127.0.0.1:${scene.tls}/`, '-w', '%{http_code}']);
  t.regex(plain.text, /this port speaks HTTPS.*400$/);
});

test('a certificate that comes while the gateway runs is served within seconds, and what is under way goes on', async (t) => {
  const scene = await startTls(t);
  const slow = scene.curl(`https://${host}/slow`);
  await until('under way', () => scene.origin.requests.length === 1);
  t.is((await scene.curl('https://other.shop.example/')).code, 35);
  const pair = await certificateFor('*.shop.example');
  await writePair(scene.certificates, 'other', pair);
  const got = await untilAsync('served', async () => {
    const answer = await scene.curl('https://other.shop.example/');
    return answer.code === 0 && answer;
  });
  t.is(got.text, 'https 127.0.0.1\n');
  t.is((await slow).text, 'begun\nended\n');
  const text = await scene.metrics();
  t.regex(text, /^rouse_gateway_certificate_valid\{file="other\/tls.crt"\} 1$/m);
  const expires = Number(/^rouse_gateway_certificate_expiry_timestamp_seconds\{file="web\/tls.crt"\} (\S+)$/m.exec(text)?.[1]);
  t.true(expires > Date.now() / 1000 + 6 * 24 * 3600 && expires < Date.now() / 1000 + 8 * 24 * 3600);
});

test('several workers share the port for TLS, each by the same files, and their figures are those of one gateway', async (t) => {
  const scene = await startTls(t, '--workers', '2');
  const urls = Array.from({ length: 20 }, () => `https://${host}/`);
  const { code, text, errors } = await scene.curl(`https://${host}/`, '--no-keepalive', '-H', 'Connection: close', ...urls);
  t.is(code, 0, errors);
  t.is(text, 'https 127.0.0.1\n'.repeat(21));
  const figures = await untilAsync('both answer the scrape', async () => {
    const scraped = await scene.metrics();
    return /^rouse_gateway_workers_unanswered 0$/m.test(scraped) && scraped;
  });
  t.regex(figures, /^rouse_gateway_certificate_valid\{file="web\/tls.crt"\} 1$/m);
  const expires = Number(/^rouse_gateway_certificate_expiry_timestamp_seconds\{file="web\/tls.crt"\} (\S+)$/m.exec(figures)?.[1]);
  t.true(expires < Date.now() / 1000 + 8 * 24 * 3600);
});

const balancers = {
  'version 1': 'send-proxy',
  'version 2': 'send-proxy-v2',
  'version 2 with TLVs and a checksum': 'send-proxy-v2 proxy-v2-options crc32c,unique-id',
};
for (const [what, option] of Object.entries(balancers))
  test(`behind HAProxy that sends the PROXY protocol in ${what}, the client is who connects to HAProxy`, async (t) => {
    const scene = await startTls(t, '--proxy-protocol');
    const [plain, tls, six] = [await freePort(), await freePort(), await freePort()];
    const listen = (name: string, bind: string, port: number): string =>
      `listen ${name}\n  bind ${bind}\n  unique-id-format %[rand]\n  server gateway 127.0.0.1:${port} ${option}\n`;
    const configuration = join(scene.directory, 'haproxy.cfg');
    await writeFile(
      configuration,
      `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n${listen('plain', `127.0.0.1:${plain}`, scene.shared)}${listen('tls', `127.0.0.1:${tls}`, scene.tls)}${listen('six', `[::1]:${six}`, scene.shared)}`,
    );
    startProgram(t, 'haproxy', ['-db', '-f', configuration], { limitMs: 60_000 });
    const ask = (...args: readonly string[]): Promise<ProgramResult> => curl(t, ['--retry', '20', '--retry-connrefused', '--retry-delay', '1', ...args]);
    // From an address that is not HAProxy's.
    const from = ['--interface', '127.0.0.77'];
    t.is((await ask(...from, '--connect-to', `::127.0.0.1:${plain}`, `http://${host}/`)).text, 'http 127.0.0.77\n');
    t.is((await ask(...from, '--cacert', scene.ca, '--connect-to', `::127.0.0.1:${tls}`, `https://${host}/`)).text, 'https 127.0.0.77\n');
    t.is((await ask('--connect-to', `::[::1]:${six}`, `http://${host}/`)).text, 'http ::1\n');
  });

test('curl that sends the header itself is served, one that does not is not', async (t) => {
  const scene = await startTls(t, '--proxy-protocol');
  const itself = await scene.curl(`https://${host}/`, '--haproxy-protocol');
  t.is(itself.text, 'https 127.0.0.1\n', itself.errors);
  t.not((await scene.curl(`https://${host}/`)).code, 0);
  t.regex(await scene.metrics(), /^rouse_gateway_rejected_connections_total\{reason="proxy-header-invalid"\} 1$/m);
});
