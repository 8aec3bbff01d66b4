'use client';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState, useSyncExternalStore } from 'react';

/** `system` follows the machine; the choice is kept in a cookie, so that the server's first page already has it. */
export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
export const THEME_COOKIE = 'plumbline-theme';

const YEAR_SECONDS = 365 * 24 * 3600;
const ThemeContext = createContext<{ theme: Theme; setTheme: (theme: Theme) => void } | null>(null);

export function ThemeProvider({ initial, children }: { initial: Theme; children: ReactNode }) {
  const [theme, setState] = useState(initial);
  const setTheme = useCallback((next: Theme) => {
    setState(next);
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser that is supported.
    document.cookie = `${THEME_COOKIE}=${next}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
    document.documentElement.classList.remove('light', 'dark');
    if (next !== 'system') document.documentElement.classList.add(next);
  }, []);
  const value = useMemo(() => ({ theme, setTheme }), [theme, setTheme]);
  return <ThemeContext.Provider value={value}>{children}</ThemeContext.Provider>;
}

function subscribeToSystem(onChange: () => void): () => void {
  const query = window.matchMedia('(prefers-color-scheme: dark)');
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
}

/** The choice, how to change it, and what it comes to now (for parts that paint themselves, as the editor does). */
export function useTheme(): { theme: Theme; setTheme: (theme: Theme) => void; resolved: 'light' | 'dark' } {
  const context = useContext(ThemeContext);
  if (!context) throw new Error('useTheme needs a ThemeProvider above it');
  const systemDark = useSyncExternalStore(
    subscribeToSystem,
    () => window.matchMedia('(prefers-color-scheme: dark)').matches,
    () => false,
  );
  const resolved = context.theme === 'system' ? (systemDark ? 'dark' : 'light') : context.theme;
  return { ...context, resolved };
}
