import { useRef } from 'react';

/**
 * For what opens over the page by a key or a command rather than by a button of its own: gives the keyboard back to where it was,
 * unless what was done there took it elsewhere. Radix knows of a trigger only, and leaves it nowhere without one.
 */
export function useReturnedFocus() {
  const before = useRef<Element | null>(null);
  return {
    onOpenAutoFocus: () => {
      before.current = document.activeElement;
    },
    onCloseAutoFocus: (event: Event) => {
      event.preventDefault();
      const isNowhere = document.activeElement === null || document.activeElement === document.body;
      if (isNowhere && before.current instanceof HTMLElement) before.current.focus();
    },
  };
}
