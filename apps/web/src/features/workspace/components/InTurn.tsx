'use client';
import { type ReactNode, useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import type { Turns } from '../model/turns.ts';

/** Draws its content when its turn comes, in a task of its own; at once where all have had theirs. */
export function InTurn({ turns, children }: { turns: Turns; children: ReactNode }) {
  const [isDrawn, setDrawn] = useState(turns.areOver);
  useEffect(() => {
    if (isDrawn) return undefined;
    // At once: React would draw what several turns ask for together.
    return turns.take(() => flushSync(() => setDrawn(true)));
  }, [turns, isDrawn]);
  return isDrawn ? children : null;
}
