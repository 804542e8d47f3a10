import test from 'ava';
import fc from 'fast-check';
import type { SocketHandle } from './messages.ts';
import { SharedPorts, type PortUser } from './shared-ports.ts';

const handle = (): SocketHandle & { closed: boolean } => {
  const socket = { closed: false, close: () => void (socket.closed = true) };
  return socket as unknown as SocketHandle & { closed: boolean };
};

/** A worker that notes what it is told. */
const worker = (name: string) => {
  const told: string[] = [];
  const user: PortUser = {
    open: (key) => void told.push(`open ${key}`),
    take: (key) => void told.push(`take ${key}`),
    refuse: (key, { code }) => void told.push(`refuse ${key} ${code ?? ''}`),
  };
  return { name, told, user };
};

test('the first to want a port opens it, and those that came meanwhile take the same socket', (t) => {
  const ports = new SharedPorts();
  const [one, two, three] = [worker('one'), worker('two'), worker('three')];
  ports.want(one.user, 'a');
  ports.want(two.user, 'a');
  t.deepEqual([one.told, two.told], [['open a'], []]);
  ports.opened(one.user, 'a', handle());
  ports.want(three.user, 'a');
  t.deepEqual([two.told, three.told], [['take a'], ['take a']]);
});

test('a port that cannot be opened is refused to all that wait, and tried anew by the next that wants it', (t) => {
  const ports = new SharedPorts();
  const [one, two] = [worker('one'), worker('two')];
  ports.want(one.user, 'a');
  ports.want(two.user, 'a');
  ports.refused(one.user, 'a', { code: 'EADDRINUSE', message: 'taken' });
  t.deepEqual(two.told, ['refuse a EADDRINUSE']);
  ports.want(two.user, 'a');
  t.deepEqual(two.told, ['refuse a EADDRINUSE', 'open a']);
});

test('where the opener ends before it has opened, the next in line opens', (t) => {
  const ports = new SharedPorts();
  const [one, two] = [worker('one'), worker('two')];
  ports.want(one.user, 'a');
  ports.want(two.user, 'a');
  ports.gone(one.user);
  t.deepEqual(two.told, ['open a']);
});

test('the last that is done with a port closes it; the end of a process closes nothing until nobody is missing any more', (t) => {
  const ports = new SharedPorts();
  const [one, two, next] = [worker('one'), worker('two'), worker('next')];
  const sockets = { a: handle(), b: handle() };
  for (const key of ['a', 'b'] as const) {
    ports.want(one.user, key);
    ports.opened(one.user, key, sockets[key]);
  }
  ports.want(two.user, 'a');
  ports.closed(one.user, 'a');
  t.false(sockets.a.closed);
  ports.closed(two.user, 'a');
  t.true(sockets.a.closed);

  ports.gone(one.user);
  t.false(sockets.b.closed, 'nobody accepts from it now, and connections wait in it');
  ports.want(next.user, 'b');
  t.deepEqual(next.told, ['take b']);
  ports.closeUnused();
  t.false(sockets.b.closed);
  ports.gone(next.user);
  ports.closeUnused();
  t.true(sockets.b.closed);
});

test('a worker that wants a port twice has two uses for one, as in one process', (t) => {
  const ports = new SharedPorts();
  const one = worker('one');
  ports.want(one.user, 'a');
  ports.opened(one.user, 'a', handle());
  ports.want(one.user, 'a');
  t.deepEqual(one.told, ['open a', 'refuse a EADDRINUSE']);
});

test('whatever workers do and whenever they end, a socket in use is never closed, and one that nobody uses does not stay', (t) => {
  const step = fc.record({ who: fc.nat(2), what: fc.constantFrom('want', 'fail', 'close', 'die') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ports = new SharedPorts();
      const sockets: { closed: boolean }[] = [];
      let open = 0;
      const workers = [0, 1, 2].map(() => {
        const self = { uses: undefined as { closed: boolean } | undefined, wants: false, opening: false };
        const user: PortUser = {
          open: () => void (self.opening = true),
          take: (_key, socket) => void ((self.uses = socket as unknown as { closed: boolean }), (self.wants = false)),
          refuse: () => void (self.wants = false),
        };
        return { self, user };
      });
      for (const { who, what } of steps) {
        const { self, user } = workers[who]!;
        if (what === 'want' && self.opening) {
          const socket = handle();
          sockets.push(socket);
          open += 1;
          self.opening = self.wants = false;
          self.uses = socket;
          ports.opened(user, 'a', socket);
        } else if (what === 'want' && !self.wants && self.uses === undefined) {
          self.wants = true;
          ports.want(user, 'a');
        } else if (what === 'fail' && self.opening) {
          self.opening = self.wants = false;
          ports.refused(user, 'a', { code: undefined, message: '' });
        } else if (what === 'close' && self.uses !== undefined) {
          self.uses = undefined;
          ports.closed(user, 'a');
        } else if (what === 'die') {
          self.uses = undefined;
          self.opening = self.wants = false;
          ports.gone(user);
        }
        for (const each of workers) if (each.self.uses?.closed === true) return false;
        if (workers.filter(({ self: each }) => each.opening).length > 1) return false;
      }
      for (const { self, user } of workers) {
        if (self.opening) ports.refused(user, 'a', { code: undefined, message: '' });
        ports.gone(user);
      }
      ports.closeUnused();
      return sockets.every(({ closed }) => closed) && sockets.length === open;
    }),
  );
  t.pass();
});
