'use client';
import { useEffect } from 'react';

/** Shows the part of the page that its address names: a page whose text comes in pieces is not always there when the browser looks for it. */
export function AddressedPart() {
  useEffect(() => document.getElementById(location.hash.slice(1))?.scrollIntoView(), []);
  return null;
}
