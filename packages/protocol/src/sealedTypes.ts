import type { EventType } from './events.ts';

// In a module without the schemas: a replay's page needs these, and not those.
/** What a seal withholds: all that says what was shown, typed or asked. That something happened, and how it scored, stays. */
export const SEALED_TYPES = [
  'terminal.output',
  'terminal.input',
  'terminal.keyframe',
  'command.started',
  'editor.opened',
  'editor.changed',
  'editor.text',
  'clipboard.paste',
  'clipboard.copy',
  'model.call',
  'agent.asked',
  'agent.called',
  'agent.returned',
] as const satisfies readonly EventType[];
