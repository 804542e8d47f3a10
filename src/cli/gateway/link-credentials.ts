import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../core/index.ts';
import type { LinkClientOptions } from '../../link/index.ts';
import { CommandError } from '../exit-code.ts';
import type { GatewayFlags } from '../flags.ts';

type Credentials = Required<Pick<LinkClientOptions, 'token' | 'ca'>>;

/**
 * What a gateway shows to its controllers and what it believes of them, read from disk for every connection: a kubelet renews both files while we run. What is
 * wrong at the start ends the command (`CommandError`); what goes wrong later is told in the log, and tried again with the next connection.
 */
export const linkCredentials = async ({ controllerCa, tokenFile }: Pick<GatewayFlags, 'controllerCa' | 'tokenFile'>): Promise<Credentials> => {
  const credentials: Credentials = {
    token: async () => (tokenFile === undefined ? undefined : readToken(tokenFile)),
    ca: async () => (controllerCa === undefined ? undefined : readCa(controllerCa)),
  };
  await Promise.all([credentials.token(), credentials.ca()]);
  return credentials;
};

const readToken = async (path: string): Promise<string> => {
  const token = (await readText(path, '--token-file')).trim();
  if (token === '' || /[^\x21-\x7e]/.test(token)) throw new CommandError('usage', `${path} (--token-file) holds no token: want the one line of a JWT`);
  return token;
};

const certificates = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

const readCa = async (path: string): Promise<string> => {
  const pem = await readText(path, '--controller-ca');
  const found = pem.match(certificates) ?? [];
  if (found.length === 0)
    throw new CommandError('usage', `${path} (--controller-ca) holds no certificate: want PEM, as \`rouse controller --write-ca\` writes it`);
  for (const [index, each] of found.entries()) {
    try {
      new X509Certificate(each);
    } catch (failure) {
      throw new CommandError('usage', `${path} (--controller-ca): certificate ${index + 1} cannot be read: ${messageOf(failure)}`, failure);
    }
  }
  return pem;
};

const readText = async (path: string, flag: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (failure) {
    throw new CommandError('usage', `cannot read ${path} (${flag}): ${messageOf(failure)}`, failure);
  }
};
