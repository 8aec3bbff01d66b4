export interface PageListener {
  focusChanged(page: { visible: boolean; focused: boolean }): void;
  /** The page may be gone before anything else is called. */
  onLeaving(): void;
  /** The link may have died meanwhile. */
  onBack(): void;
  onFocus(): void;
  /** Another tab wrote into the browser's storage. */
  onStorage(): void;
}

/** Tells what becomes of the page in its browser. Returns what ends the telling. */
export function watchPage(listener: PageListener): () => void {
  const cleanups: (() => void)[] = [];
  const on = (target: EventTarget, names: string[], fn: () => void) => {
    for (const name of names) {
      target.addEventListener(name, fn);
      cleanups.push(() => target.removeEventListener(name, fn));
    }
  };
  const focusChanged = () => listener.focusChanged({ visible: !document.hidden, focused: document.hasFocus() });
  on(window, ['focus', 'blur'], focusChanged);
  on(document, ['visibilitychange'], () => {
    focusChanged();
    if (document.hidden) listener.onLeaving();
    else listener.onBack();
  });
  on(window, ['online', 'pageshow'], () => listener.onBack());
  on(window, ['focus'], () => listener.onFocus());
  on(window, ['pagehide'], () => listener.onLeaving());
  on(window, ['storage'], () => listener.onStorage());
  return () => {
    for (const cleanup of cleanups) cleanup();
  };
}
