import type { Response } from 'express';

/** Says no, in the form that is asked for. */
export const refuse = (response: Response, status: number, code: string, detail: string): void => {
  if (response.req.accepts(['json', 'text']) === 'text') response.status(status).type('text/plain').send(`${detail}\n`);
  else response.status(status).json({ code, detail });
};
