import test from 'ava';
import { controllerAddresses } from './controller-addresses.ts';

test('a name stands for every address that it has, each checked for the name', async (t) => {
  const find = controllerAddresses(['https://rouse-link.rouse-system.svc:9443'], () => Promise.resolve(['10.0.0.2', '10.0.0.1', 'fd00::1', '10.0.0.2']));
  t.deepEqual(
    await find(),
    ['10.0.0.1', '10.0.0.2', '[fd00::1]'].map((host) => ({ url: `https://${host}:9443/`, serverName: 'rouse-link.rouse-system.svc' })),
  );
});

test('addresses, and plain HTTP, are taken as they are', async (t) => {
  const urls = ['https://127.0.0.1:9443', 'https://[::1]:9443', 'https://localhost:9443', 'http://controller:80'];
  const find = controllerAddresses(urls, () => Promise.reject(new Error('not to be asked')));
  t.deepEqual(
    await find(),
    urls.map((url) => ({ url })),
  );
});

test('a name that cannot be resolved keeps the addresses it had; with nothing known the reason is told', async (t) => {
  let answers: Record<string, readonly string[]> = {};
  const find = controllerAddresses(['https://one:1', 'https://two:2'], (host) => {
    const found = answers[host];
    return found === undefined ? Promise.reject(new Error(`${host}: no such name`)) : Promise.resolve(found);
  });
  await t.throwsAsync(find(), { message: 'one: no such name; two: no such name' });
  answers = { one: ['10.0.0.1'] };
  t.deepEqual(await find(), [{ url: 'https://10.0.0.1:1/', serverName: 'one' }]);
  answers = { two: ['10.0.0.2'] };
  t.deepEqual(
    (await find()).map(({ url }) => url),
    ['https://10.0.0.1:1/', 'https://10.0.0.2:2/'],
  );
});
