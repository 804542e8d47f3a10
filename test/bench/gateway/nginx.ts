import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../support/until.ts';
import type { Program, Programs } from './programs.ts';

/** An nginx with one worker: the process that does the work, apart from the one that watches over it. */
export interface Nginx {
  readonly program: Program;
  readonly workerPid: number;
}

/** Starts nginx in `directory` with `http` as the content of its `http` block. It logs errors only, and never closes a connection for its age. */
export const startNginx = async (programs: Programs, binary: string, directory: string, name: string, http: string): Promise<Nginx> => {
  const file = join(directory, `${name}.conf`);
  await writeFile(file, configuration(directory, name, http));
  const program = programs.start(name, binary, ['-p', directory, '-e', 'stderr', '-c', file]);
  const workerPid = await until(`${name} has a worker`, async () => {
    program.check();
    // Whatever was started before this was written is no worker.
    if (!(await isThere(pidFile(directory, name)))) return undefined;
    const children = await readFile(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8');
    return Number(children.trim().split(' ')[0]) || undefined;
  });
  return { program, workerPid };
};

const pidFile = (directory: string, name: string): string => join(directory, `${name}.pid`);

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

const configuration = (directory: string, name: string, http: string): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
daemon off;
pid ${pidFile(directory, name)};
error_log stderr error;
events { worker_connections 16384; }
http {
  access_log off;
  sendfile on;
  keepalive_timeout 1h;
  keepalive_time 24h;
  keepalive_requests 1000000000;
  ${temporary.map((kind) => `${kind}_temp_path ${join(directory, `${name}-${kind}`)};`).join('\n  ')}
  ${http.trim()}
}
`;
