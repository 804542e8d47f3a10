/** `npm run render`: writes the files of deploy/ that are made of deploy/base. */
import { writeFile } from 'node:fs/promises';
import { generatedManifests } from './generated-manifests.ts';

for (const [path, text] of await generatedManifests()) await writeFile(path, text);
