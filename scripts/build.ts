/** `npm run build`: what `npm start` prepares before it starts anything. */
import { join } from 'node:path';
import { loadSettings } from '@plumbline/config';
import { generateClient } from './supervisor/generateClient.ts';
import { buildWeb } from './supervisor/webBuild.ts';

const root = join(import.meta.dirname, '..');
await generateClient(root);
console.log((await buildWeb(root, loadSettings().gatewayPort)) ? 'Built.' : 'Nothing changed.');
