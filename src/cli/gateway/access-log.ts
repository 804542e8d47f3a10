import { messageOf, type Logger } from '../../core/index.ts';
import { compileAccessLog, type GatewayOptions } from '../../gateway/index.ts';
import { CommandError } from '../exit-code.ts';

/** The access log that `--access-log` asks for, or where that is off the operator may: on standard output, which never blocks where it is a pipe. */
export const accessLogOf = (template: string, logger: Logger): Pick<GatewayOptions, 'accessLog'> => {
  const asSet = template === 'off';
  const compiled = compileAccessLog(asSet ? 'json' : template);
  if (!compiled.ok) throw new CommandError('usage', `--access-log: ${compiled.problem}`);
  if (compiled.value === undefined) return {};
  const { stdout } = process;
  let broken = false;
  // Whoever read it is gone: without this the process would be, too.
  stdout.on('error', (error: Error) => {
    if (!broken) logger.warn('the access log cannot be written, its lines are dropped', { error: messageOf(error) });
    broken = true;
  });
  const out = {
    write: (text: string) => stdout.write(text),
    get writableLength() {
      return broken ? Infinity : stdout.writableLength;
    },
  };
  return { accessLog: { print: compiled.value, out, asSet } };
};
