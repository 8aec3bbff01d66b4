import type { ComponentProps } from 'react';

/** A box whose content scrolls: the keyboard reaches it, so that its arrows scroll it. */
export function ScrollBox(props: ComponentProps<'div'>) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1).
  return <div tabIndex={0} {...props} />;
}
