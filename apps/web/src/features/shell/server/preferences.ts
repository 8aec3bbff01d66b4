/** What a viewer's cookies say about how pages are drawn. They come from a browser, so anything odd falls to the default. */

const THEMES = ['system', 'light', 'dark'] as const;

export function readTheme(cookie: string | undefined): (typeof THEMES)[number] {
  return THEMES.find((theme) => theme === cookie) ?? 'system';
}

export function readZone(cookie: string | undefined): string {
  if (!cookie) return 'UTC';
  try {
    const zone = decodeURIComponent(cookie);
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone;
  } catch {
    return 'UTC';
  }
}
