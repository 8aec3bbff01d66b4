import type { ITheme } from '@xterm/xterm';

const DARK: ITheme = {
  background: '#0c0e12',
  foreground: '#d6dae1',
  cursor: '#d6dae1',
  selectionBackground: '#3a4a66',
  black: '#3b4048',
  red: '#e06c75',
  green: '#98c379',
  yellow: '#e5c07b',
  blue: '#61afef',
  magenta: '#c678dd',
  cyan: '#56b6c2',
  white: '#d6dae1',
  brightBlack: '#7b8494',
  brightRed: '#ef8891',
  brightGreen: '#b3d69a',
  brightYellow: '#f0d399',
  brightBlue: '#85c4f7',
  brightMagenta: '#d79ae8',
  brightCyan: '#7fcdd6',
  brightWhite: '#ffffff',
};

const LIGHT: ITheme = {
  background: '#fdfdfd',
  foreground: '#24292f',
  cursor: '#24292f',
  selectionBackground: '#b6d4fb',
  black: '#24292f',
  red: '#b3202c',
  green: '#1a6f2d',
  yellow: '#7d5700',
  blue: '#0a58bf',
  magenta: '#7a3bbd',
  cyan: '#0f6a75',
  white: '#57606a',
  brightBlack: '#57606a',
  brightRed: '#cf222e',
  brightGreen: '#218739',
  brightYellow: '#8f6400',
  brightBlue: '#1f6feb',
  brightMagenta: '#8f4fd1',
  brightCyan: '#1b7c88',
  brightWhite: '#24292f',
};

/** How matches of a search are marked: all of them, and the one that it is at. */
export function matchColours(dark: boolean): { all: string; one: string } {
  return dark ? { all: '#5a4a1e', one: '#9a6a12' } : { all: '#fbe7a6', one: '#f2b84b' };
}

/** Whether the page is drawn dark: by the class or attribute that the app sets, else by the system's wish. */
export function isDark(): boolean {
  const root = document.documentElement;
  const named = root.dataset.theme ?? (root.classList.contains('dark') ? 'dark' : root.classList.contains('light') ? 'light' : null);
  if (named === 'dark' || named === 'light') return named === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** Calls at each change between dark and light; the returned function stops it. */
export function watchTheme(onChange: (dark: boolean) => void): () => void {
  const tell = () => onChange(isDark());
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['class', 'data-theme'] });
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', tell);
  return () => {
    observer.disconnect();
    media.removeEventListener('change', tell);
  };
}

export function terminalTheme(dark: boolean): ITheme {
  return dark ? DARK : LIGHT;
}
