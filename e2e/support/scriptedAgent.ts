import type { Database } from '@plumbline/database';
import { type Account, makeAccount } from './accounts.ts';
import { startAttempt, until } from './attempt.ts';
import { Session } from './session.ts';
import { Tab } from './tab.ts';

/** An agent whose work is a line of shell: an attempt of its own without a browser, scored by the command that agents score with. */
export class ScriptedAgent {
  readonly userId: string;
  readonly #session: Session;

  private constructor({ userId }: Account, session: Session) {
    this.userId = userId;
    this.#session = session;
  }

  static async make(db: Database, admin: Session): Promise<ScriptedAgent> {
    const account = await makeAccount(admin, 'expert');
    await db.prisma.participant.update({ where: { userId: account.userId }, data: { kind: 'agent' } });
    return new ScriptedAgent(account, await Session.signIn(admin.baseUrl, account.email, account.password));
  }

  /** Works on the assignment whose title matches, and has the work scored; the attempt, which goes on. */
  async work(title: RegExp, line: string, limitMs: number): Promise<string> {
    const attemptId = await startAttempt(this.#session, title);
    const tab = new Tab(this.#session, attemptId);
    try {
      await tab.open();
      await until('the sandbox is attached', () => tab.sandbox === 'attached');
      const { terminal } = await tab.request('terminal.open', { cols: 200, rows: 50 });
      tab.watch(terminal);
      tab.type(terminal, `{ ${line}; } && task score; echo "ended with $?"\n`);
      const [, code] = await until('the agent’s score', () => /^ended with (\d+)$/m.exec(tab.text(terminal)), limitMs);
      if (code !== '0') throw new Error(`the agent’s work failed:\n${tab.text(terminal)}`);
    } finally {
      tab.end();
    }
    return attemptId;
  }
}
