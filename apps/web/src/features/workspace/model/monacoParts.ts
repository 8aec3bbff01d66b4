import type { MonacoApi } from './monaco.ts';

/** Monaco in parts that come together and are run one by one: an `import` runs all that came, for longer than a key may wait. */

export const runApi = (): MonacoApi => require('monaco-editor/editor/editor.api.js');
export const runFeatures = (): void => require('./monacoFeatures.ts');
