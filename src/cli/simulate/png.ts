import { CommandError } from '../exit-code.ts';

const library = '@resvg/resvg-js';

/** Makes a picture of an SVG. The library that can is 4 MB of native code, which nobody else needs: it is loaded if it is there. */
export const pngOf = async (svg: string): Promise<Uint8Array> => {
  const loaded = await import('@resvg/resvg-js').catch((failure: unknown) => {
    throw new CommandError('failure', `--png needs the package ${library}, which is not installed: npm install ${library}, or take --svg`, failure);
  });
  return new loaded.Resvg(svg, { fitTo: { mode: 'zoom', value: 2 } }).render().asPng();
};
