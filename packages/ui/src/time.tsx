'use client';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { formatTime } from './format.ts';

/** The viewer's zone, kept in a cookie: the server writes times in it, so that nothing moves when the page wakes up. */
export const ZONE_COOKIE = 'plumbline-zone';

const YEAR_SECONDS = 365 * 24 * 3600;
const ZoneContext = createContext('UTC');

export function ZoneProvider({ initial, children }: { initial: string; children: ReactNode }) {
  const [zone, setZone] = useState(initial);
  useEffect(() => {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (own && own !== initial) {
      // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser that is supported.
      document.cookie = `${ZONE_COOKIE}=${encodeURIComponent(own)}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
      setZone(own);
    }
  }, [initial]);
  return <ZoneContext.Provider value={zone}>{children}</ZoneContext.Provider>;
}

export function useZone(): string {
  return useContext(ZoneContext);
}

/** A moment in the viewer's zone, the zone named. */
export function Time({ at, seconds = false }: { at: Date | string | number; seconds?: boolean }) {
  const zone = useZone();
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} className="whitespace-nowrap tabular-nums">
      {formatTime(date, zone, { seconds })}
    </time>
  );
}
