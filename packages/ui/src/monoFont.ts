/// <reference path="./assets.d.ts" />
/** Where the app serves the fixed-width typeface's Latin letters, for a page that wants them before its first frame. */
import url from '@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2';

export const monoFontUrl: string = url;
