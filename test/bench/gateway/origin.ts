import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { startNginx } from './nginx.ts';
import type { Programs } from './programs.ts';

/** What all contestants stand in front of: an nginx of one worker for HTTP, a WebSocket echo, and grpc-go's interop server. */
export interface Origin {
  readonly port: number;
  readonly webSocketPort: number;
  readonly grpcPort: number;
}

/** What the origin serves, and how many bytes its answer has. */
export const resources = {
  hello: { path: '/hello', bytes: 12 },
  medium: { path: '/medium', bytes: 64 * 1024 },
  large: { path: '/large', bytes: 8 * 1024 * 1024 },
  /** Takes a POST and answers when the whole of its body is there: one that answered before would make clients close the connection. */
  taken: { path: '/take', bytes: 6 },
} as const;

/** As which it is asked for over TLS: the name in the contestants' certificate. */
export const tlsHost = 'bench.test';

/** `grpcServer`: undefined where nobody calls it. */
export const startOrigin = async (programs: Programs, nginx: string, grpcServer: string | undefined, directory: string): Promise<Origin> => {
  const files = join(directory, 'files');
  await mkdir(files);
  for (const { path, bytes } of Object.values(resources)) await writeFile(join(files, path), Buffer.alloc(bytes, 'a gateway, measured\n'));
  const [port, webSocketPort, grpcPort] = [await freePort(), await freePort(), await freePort()];
  await startNginx(programs, nginx, directory, 'origin', http(port, files));
  programs.start('the WebSocket echo', process.execPath, [join(import.meta.dirname, 'programs', 'websocket-echo.ts'), String(webSocketPort)]);
  if (grpcServer !== undefined) programs.start('the gRPC server', grpcServer, ['-port', String(grpcPort)]);
  return { port, webSocketPort, grpcPort };
};

/** nginx's own `return` does not wait for a body; a mirror has it read first, and that a file cannot be posted to then leads to the answer. */
const http = (port: number, files: string): string => `
  default_type text/plain;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${files};
    client_max_body_size 0;
    client_body_buffer_size 16m;
    location = ${resources.hello.path} { return 200 "hello world\\n"; }
    location = ${resources.taken.path} { mirror /read; error_page 405 =200 @taken; }
    location = /read { internal; return 204; }
    location @taken { return 200 "taken\\n"; }
  }`;
