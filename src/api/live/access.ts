import type { RequestHandler } from 'express';
import { refuse } from '../refuse.ts';
import type { PageAccess } from './ports.ts';

/** `localhost`, `127.0.0.1`, `[::1]`, each with or without a port. */
const loopback = /^(localhost|[a-z0-9.-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** The API server keeps `Authorization` for itself where it is asked to pass a request on (`kubectl proxy`), and passes this. */
export const tokenHeader = 'rouse-authorization';

const bearer = (value: string | undefined): string | undefined => /^Bearer +(\S+)$/i.exec(value ?? '')?.[1];

const statusOf = { unknown: 401, forbidden: 403, busy: 503 } as const;

/** Lets those pass who may read the page's data. */
export const letIn =
  (access: PageAccess): RequestHandler =>
  async (request, response, next) => {
    if (access.kind === 'loopback') {
      // A page of elsewhere whose name was made to lead here (DNS rebinding) still says that name.
      if (loopback.test(request.headers.host ?? '')) next();
      else refuse(response, 403, 'not-loopback', 'the live page of rouse local is for this machine: open it at http://localhost or http://127.0.0.1');
      return;
    }
    const token = bearer(request.get(tokenHeader)) ?? bearer(request.get('authorization'));
    if (token === undefined) {
      refuse(response.set('WWW-Authenticate', 'Bearer'), 401, 'no-token', 'the live page of a cluster wants a token');
      return;
    }
    const verdict = await access.check(token);
    if (verdict.kind === 'allowed') {
      next();
      return;
    }
    if (verdict.kind === 'unknown') response.set('WWW-Authenticate', 'Bearer error="invalid_token"');
    refuse(response, statusOf[verdict.kind], verdict.kind === 'unknown' ? 'bad-token' : verdict.kind, verdict.detail);
  };
