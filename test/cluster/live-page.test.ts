import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { codeBlocks } from '../support/document.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

test('the live page of a real cluster is for who holds the token and the right that docs/live-page.md shows, and for nobody else', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster);
  const controller = await rouse.startController('10.77.200.10');
  const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  const blocks = codeBlocks(await readFile(join(import.meta.dirname, '..', '..', 'docs', 'live-page.md'), 'utf8'));
  const manifest = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
  await cluster.kubectl(['apply', '-f', '-'], { stdin: manifest });
  const command = /^kubectl (.* create token .*)$/m.exec(blocks.map(({ text }) => text).join('\n'))?.[1]?.split(' ') ?? [];
  const token = (await cluster.kubectl(command)).trim();
  const look = async (bearer: string | undefined): Promise<{ readonly status: number; readonly text: string }> => {
    const headers: Record<string, string> = bearer === undefined ? {} : { 'rouse-authorization': `Bearer ${bearer}` };
    const answer = await fetch(new URL('/ui/live', metrics), { headers });
    if (answer.status !== 200) return { status: answer.status, text: await answer.text() };
    const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = answer.body?.getReader();
    const first = await reader?.read();
    await reader?.cancel();
    return { status: 200, text: new TextDecoder().decode(first?.value) };
  };
  await until('the Role is in force', async () => (await look(token)).status === 200, 10_000);
  t.regex((await look(token)).text, /^event: happened\n/);
  t.is((await look(undefined)).status, 401);
  t.is((await look('nonsense')).status, 401);
  const forApiServer = (await cluster.kubectl(['-n', 'rouse-system', 'create', 'token', 'rouse-viewer'])).trim();
  t.is((await look(forApiServer)).status, 401, 'a token that the API server would take');
  const other = (await cluster.kubectl(['-n', 'rouse-system', 'create', 'token', 'default', '--audience', 'rouse-page'])).trim();
  const refused = await look(other);
  t.is(refused.status, 403);
  t.regex(refused.text, /system:serviceaccount:rouse-system:default may not get services\/proxy/);
  t.is((await fetch(new URL('/ui/', metrics))).status, 200);
});
