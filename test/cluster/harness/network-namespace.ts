import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { apiAddress, dnsAddress, outsideAddress6 } from './addresses.ts';

const run = promisify(execFile);
const ip = async (...args: readonly string[]): Promise<string> => (await run('ip', args)).stdout;

/** Services, nodes and the control plane: every address of it can be bound and reached inside, with no other set-up. Pods have interfaces and routes of their own. */
const network = '10.77.0.0/16';
const network6 = 'fd77::/64';

/** Whether this machine knows IPv6 at all. */
export const isDualStack = existsSync('/proc/sys/net/ipv6/conf/default');

/** A machine may switch IPv6 off in every namespace that is made (kernel parameter `ipv6.disable_ipv6`): addresses and routes need it on. */
const ipv6On = ['all', 'default', 'lo'].map((device) => [`ipv6/conf/${device}/disable_ipv6`, 0] as const);

/** Pods reach each other and the Services through it: it forwards, and answers for every address that it has a way to. */
const settings = [
  ['ipv4/ip_forward', 1],
  ['ipv4/conf/default/proxy_arp', 1],
  ['ipv4/conf/all/rp_filter', 0],
  ['ipv4/conf/default/rp_filter', 0],
  // Load tests make many connections from one address.
  ['ipv4/ip_local_port_range', '30000 65000'],
  ...(isDualStack
    ? ([
        ['ipv6/conf/all/forwarding', 1],
        ['ipv6/conf/default/accept_dad', 0],
        // IPv6 knows no binding to an address by its route alone.
        ['ipv6/ip_nonlocal_bind', 1],
      ] as const)
    : []),
] as const;

/** What `ip netns exec` puts over the files of /etc. */
const overlay = (name: string): string => join('/etc/netns', name);

/** As in a pod of namespace `default`. */
const resolver = ['search default.svc.cluster.local svc.cluster.local cluster.local', `nameserver ${dnsAddress}`, 'options ndots:5 timeout:1', ''].join('\n');

/** A network of its own: nothing in it reaches the machine's, and nothing outside sees what listens inside. Needs root. */
export const createNetworkNamespace = async (name: string): Promise<void> => {
  await mkdir(overlay(name), { recursive: true });
  await writeFile(join(overlay(name), 'resolv.conf'), resolver);
  await ip('netns', 'add', name);
  if (isDualStack) await configure(name, ipv6On);
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  await ip('-n', name, 'route', 'add', 'local', network, 'dev', 'lo');
  // Resolvers ask for addresses of a family only where an interface has one.
  await ip('-n', name, 'addr', 'add', `${apiAddress}/32`, 'dev', 'lo');
  if (isDualStack) {
    await ip('-n', name, '-6', 'route', 'add', 'local', network6, 'dev', 'lo');
    await ip('-n', name, '-6', 'addr', 'add', `${outsideAddress6}/128`, 'dev', 'lo', 'nodad');
  }
  await configure(name, settings);
};

const configure = async (name: string, values: readonly (readonly [key: string, value: string | number])[]): Promise<void> => {
  const writes = values.map(([key, value]) => `echo '${value}' > /proc/sys/net/${key}`);
  await run('ip', ['netns', 'exec', name, 'sh', '-ec', writes.join('\n')]);
};

export const networkNamespaces = async (): Promise<readonly string[]> =>
  (await ip('netns', 'list'))
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name !== '');

/** Kills every process in it, and then takes it away. */
export const deleteNetworkNamespace = async (name: string): Promise<void> => {
  for (let pids = await pidsIn(name); pids.length > 0; pids = await pidsIn(name)) {
    for (const pid of pids) kill(pid);
    await sleep(20);
  }
  await ip('netns', 'delete', name);
  await rm(overlay(name), { recursive: true, force: true });
};

const pidsIn = async (name: string): Promise<readonly number[]> => (await ip('netns', 'pids', name)).split('\n').filter(Boolean).map(Number);

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
};
