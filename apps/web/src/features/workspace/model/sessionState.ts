import type { AttemptMessage, ClockView, NoteKind, ScoreProgress, ScoreRow, ScoreScale, TerminalInfo } from '@plumbline/protocol';
import type { SocketState, Welcome } from './attemptSocket.ts';
import type { UsedAt } from './resourceHistory.ts';
import type { ResourceUse } from './resourceUse.ts';

/** What a tab knows of its attempt, as the page draws it. */

export interface Note {
  n: number;
  kind: NoteKind;
  text: string;
  elapsedMs: number;
  atMs: number;
}

export interface SessionState {
  connection: SocketState;
  /** Null before the first welcome. */
  welcome: Pick<Welcome, 'title' | 'version'> | null;
  clock: ClockView | null;
  scoreVisible: boolean;
  terminals: TerminalInfo[];
  scores: ScoreRow[];
  /** What they are normalised by; null without a scale. */
  scoreScale: ScoreScale | null;
  /** What the score that runs is at; of one that has ended, it says nothing any more. */
  scoreProgress: ScoreProgress | null;
  /** Whether notes and messages were read; each new one comes by itself. */
  writings: 'reading' | 'read' | 'failed';
  notes: Note[];
  /** What participant and staff wrote to each other. */
  messages: AttemptMessage[];
  /** Messages of the other side that were not looked at. */
  unread: number;
  sandbox: 'attached' | 'away';
  recordingStalled: boolean;
  /** The terminals have put out so much that they are read slowly. */
  outputLimited: boolean;
  inputFull: boolean;
  /** The server was upgraded since this page was loaded; it still understands the page. */
  upgraded: boolean;
  /** Null until the sandbox was measured. */
  resources: ResourceUse | null;
  resourceHistory: readonly UsedAt[];
}

/** Before the gateway has said anything. */
export const FIRST_STATE: SessionState = {
  connection: { kind: 'connecting' },
  welcome: null,
  clock: null,
  scoreVisible: true,
  terminals: [],
  scores: [],
  scoreScale: null,
  scoreProgress: null,
  writings: 'reading',
  notes: [],
  messages: [],
  unread: 0,
  sandbox: 'attached',
  recordingStalled: false,
  outputLimited: false,
  inputFull: false,
  upgraded: false,
  resources: null,
  resourceHistory: [],
};

/** Why typing is refused in this state; null where it is taken. `arrives`: what is typed still has a way to the sandbox. */
export function typingRefusal({ clock, recordingStalled, inputFull, connection }: SessionState, arrives: boolean): string | null {
  if (connection.kind === 'closed') return connection.reason;
  if (!arrives) {
    return connection.kind === 'open'
      ? 'The sandbox does not answer at the moment.'
      : 'The connection is away. Typing works again when it is back.';
  }
  if (clock && clock.state !== 'running') return 'The clock is not running.';
  if (!inputFull) return null;
  return recordingStalled
    ? 'The recording cannot be stored at the moment, so no more input is taken. It goes on by itself.'
    : 'Too much input waits to be recorded. Typing goes on in a moment.';
}
