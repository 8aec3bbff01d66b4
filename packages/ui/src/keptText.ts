'use client';
import { useLayoutEffect, useState } from 'react';
import { tabStorage } from './browserStorage.ts';

/**
 * A text that somebody is at, kept under a key in the tab's session storage: it is there again when its part of the page was gone
 * meanwhile, or the page was loaded anew.
 */
export function useKeptText(key: string, initial = ''): [string, (text: string) => void] {
  const [text, setText] = useState(initial);
  // A server draws the first page, and knows of none.
  useLayoutEffect(() => setText(tabStorage.getItem(key) ?? initial), [key, initial]);
  const keep = (next: string) => {
    setText(next);
    if (next === initial) tabStorage.removeItem(key);
    else tabStorage.setItem(key, next);
  };
  return [text, keep];
}
