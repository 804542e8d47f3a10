import test from 'ava';
import { commandLine, imageOf, type Image, type ImageMap } from './images.ts';

const program: Image = { kind: 'program', entrypoint: ['/bin/serve', '--all'], args: ['--default'] };
const images: ImageMap = { app: program, 'app:2': { kind: 'fake' }, 'registry:5000/team/app': { kind: 'fake' } };

test('an image is found by its whole name, else without its tag or digest; a registry’s port is no tag', (t) => {
  t.is(imageOf(images, 'app'), program);
  t.is(imageOf(images, 'app:1'), program);
  t.is(imageOf(images, 'app@sha256:0123'), program);
  t.is(imageOf(images, 'app:2'), images['app:2']);
  t.is(imageOf(images, 'registry:5000/team/app:7'), images['registry:5000/team/app']);
  t.is(imageOf(images, 'registry:5000/team/app'), images['registry:5000/team/app']);
  t.is(imageOf(images, 'other/app:1'), undefined);
});

test('command replaces the entrypoint and the arguments of the image, args alone only its arguments', (t) => {
  const line = (container: { readonly command?: string[]; readonly args?: string[] }, image: Image | undefined = program) =>
    commandLine({ name: 'app', ...container }, image);
  t.deepEqual(line({}), ['/bin/serve', '--all', '--default']);
  t.deepEqual(line({ args: ['--own'] }), ['/bin/serve', '--all', '--own']);
  t.deepEqual(line({ command: ['sh'] }), ['sh']);
  t.deepEqual(line({ command: ['sh'], args: ['-c', 'true'] }), ['sh', '-c', 'true']);
  t.is(commandLine({ name: 'app', args: ['--own'] }, undefined), undefined);
  t.is(line({}, { kind: 'fake' }), undefined);
});
