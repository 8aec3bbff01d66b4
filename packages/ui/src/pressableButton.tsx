'use client';
import { type ComponentProps, useSyncExternalStore } from 'react';

const never = () => () => {};

/**
 * A button that says that it cannot be pressed yet while the page is still the server's: a click would be lost until the
 * browser has taken the page over.
 */
export function PressableButton(props: ComponentProps<'button'>) {
  const takenOver = useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
  return <button aria-disabled={takenOver || props.onClick === undefined ? undefined : true} {...props} />;
}
