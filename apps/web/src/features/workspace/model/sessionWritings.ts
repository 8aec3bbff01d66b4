import type { AttemptMessage } from '@plumbline/protocol';
import type { Ask } from './ask.ts';
import type { Note, SessionState } from './sessionState.ts';
import type { Signal } from './signal.ts';
import type { Store } from './store.ts';
import type { UnreadMessages } from './unreadMessages.ts';

/** What is written in an attempt: the participant's notes, and messages between participant and staff. */
export class SessionWritings {
  private readonly store: Store<SessionState>;
  private readonly ask: Ask;
  private readonly notice: Signal<{ tone: 'info' | 'warning' | 'error'; text: string }>;
  private readonly unread: UnreadMessages;

  constructor(store: Store<SessionState>, ask: Ask, notice: SessionWritings['notice'], unread: UnreadMessages) {
    this.store = store;
    this.ask = ask;
    this.notice = notice;
    this.unread = unread;
  }

  /** Asks for notes and messages; they come by themselves afterwards. */
  async read(): Promise<void> {
    // What was read once stays in sight.
    if (this.store.get().writings === 'failed') this.store.patch({ writings: 'reading' });
    try {
      const [{ notes }, { messages }] = await Promise.all([this.ask('notes', {}), this.ask('messages', {})]);
      this.store.patch({ writings: 'read', notes });
      this.messagesCame(messages);
    } catch {
      if (this.store.get().writings === 'reading') this.store.patch({ writings: 'failed' });
    }
  }

  /** What the other side wrote was looked at. */
  messagesRead(): void {
    this.unread.read(this.store.get().messages);
    this.messagesCame([]);
  }

  noteCame(came: Note): void {
    const notes = this.store.get().notes.filter((note) => note.n !== came.n);
    this.store.patch({ notes: [...notes, came].sort((a, b) => a.n - b.n) });
  }

  /** Takes messages that may be known already, counts what is unread, and tells of what is new. */
  messagesCame(came: AttemptMessage[]): void {
    const known = this.store.get().messages;
    const fresh = came.filter(({ n }) => !known.some((message) => message.n === n));
    const messages = fresh.length === 0 ? known : [...known, ...fresh].sort((a, b) => a.n - b.n);
    const { unread, untold } = this.unread.count(messages);
    this.store.patch({ messages, unread });
    const last = untold.at(-1);
    if (last) this.notice.emit({ tone: 'info', text: `${last.name}: ${last.text.slice(0, 200)}` });
    if (untold.length > 1) this.notice.emit({ tone: 'info', text: `The staff wrote ${untold.length} messages. They stand under Help.` });
  }
}
