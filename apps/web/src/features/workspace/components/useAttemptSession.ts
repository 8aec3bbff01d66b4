'use client';
import { toast } from '@plumbline/ui';
import { createContext, useContext, useEffect, useState } from 'react';
import { AttemptSession } from '../model/attemptSession.ts';
import type { SessionState } from '../model/sessionState.ts';
import { useStore } from './useStore.ts';

/** A session that lives as long as the component; null until the tab's identity is settled. */
export function useAttemptSession(attemptId: string): AttemptSession | null {
  const [session, setSession] = useState<AttemptSession | null>(null);
  useEffect(() => {
    let gone = false;
    let made: AttemptSession | null = null;
    void AttemptSession.create(attemptId).then((created) => {
      made = created;
      if (gone) {
        created.stop();
        return;
      }
      created.notice.on(({ tone, text }) => toast[tone](text));
      created.start();
      setSession(created);
    });
    return () => {
      gone = true;
      made?.stop();
      setSession(null);
    };
  }, [attemptId]);
  return session;
}

const SessionContext = createContext<AttemptSession | null>(null);
export const SessionProvider = SessionContext.Provider;

export function useSession(): AttemptSession {
  const session = useContext(SessionContext);
  if (!session) throw new Error('A part of the workspace was drawn outside of it');
  return session;
}

export function useSessionState(): SessionState {
  return useStore(useSession().store);
}

/** Draws again every `everyMs` while `active`. */
export function useTick(everyMs: number, active = true): void {
  const [, setCount] = useState(0);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(() => setCount((count) => count + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, active]);
}
