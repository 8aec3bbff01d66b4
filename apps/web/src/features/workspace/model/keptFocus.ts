/** On what keeps the keyboard while parts of the page that take it appear behind it. */
export const KEEPS_FOCUS = { 'data-keeps-focus': '' } as const;

/** Whether a part that has come to the front may take the keyboard now. */
export function mayTakeFocus(): boolean {
  return document.activeElement?.closest('[data-keeps-focus]') == null;
}
