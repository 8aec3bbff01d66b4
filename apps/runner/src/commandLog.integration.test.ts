import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import headless from '@xterm/headless';
import { describe, expect, it, vi } from 'vitest';
import { TerminalRig } from './terminals.fixture.ts';

const rig = new TerminalRig();
describe('the commands of a terminal', () => {
  const INTEGRATION = fileURLToPath(new URL('./shellIntegration.bash', import.meta.url));
  const commands = () => rig.events().filter(({ type }) => type.startsWith('command.'));

  async function openIntegrated(bashrc: string): Promise<number> {
    writeFileSync(join(rig.dir, '.bashrc'), bashrc);
    await rig.terminals.dispose();
    rig.shells(['--init-file', INTEGRATION, '-i']);
    return rig.terminals.open(80, 24);
  }

  async function run(id: number, line: string, finished: number): Promise<void> {
    rig.type(id, `${line}\r`);
    await vi.waitFor(() => expect(commands().filter(({ type }) => type === 'command.finished')).toHaveLength(finished), {
      timeout: 20_000,
      interval: 20,
    });
  }

  it('are recorded with text, directory, exit code and duration, whatever the person puts into .bashrc', async () => {
    const own =
      "PROMPT_COMMAND='own=$?; printf own-%s- $own'; PS0='[ps0]'; PS1='mine> '; HISTTIMEFORMAT=\"%F \"; set -u; alias hi=\"echo hello\"";
    const id = await openIntegrated(own);
    await rig.seen(id, /own-0-.*mine> /);
    await run(id, 'mkdir -p "a;b" && cd "a;b"', 1);
    await run(id, '(exit 42)', 2);
    // The command lasts from before it is told of until after it is let go, whatever the machine's load.
    rig.type(id, 'hi | cat; read -r </dev/tty\r');
    await vi.waitFor(
      () => expect(commands().at(-1)).toMatchObject({ type: 'command.started', data: { text: 'hi | cat; read -r </dev/tty' } }),
      {
        timeout: 20_000,
        interval: 20,
      },
    );
    const toldAt = performance.now();
    await vi.waitUntil(() => performance.now() - toldAt >= 200);
    const heldMs = performance.now() - toldAt;
    await run(id, '', 3);
    rig.type(id, 'cat <<X\rone\\two\rX\r');
    const started = () => commands().filter(({ type }) => type === 'command.started');
    // What is typed before the prompt is there is echoed before it, and only then run.
    await vi.waitFor(() => expect(started()).toHaveLength(4), { timeout: 20_000, interval: 20 });
    expect(started().map(({ data, stream }) => ({ ...data, stream }))).toEqual([
      { text: 'mkdir -p "a;b" && cd "a;b"', directory: rig.dir, stream: id },
      { text: '(exit 42)', directory: join(rig.dir, 'a;b'), stream: id },
      { text: 'hi | cat; read -r </dev/tty', directory: join(rig.dir, 'a;b'), stream: id },
      { text: 'cat <<X\none\\two\nX', directory: join(rig.dir, 'a;b'), stream: id },
    ]);
    const finished = commands().filter(({ type }) => type === 'command.finished');
    expect(finished.map(({ data }) => data.exitCode).slice(0, 3)).toEqual([0, 42, 0]);
    expect(finished[2]?.data.durationMs).toBeGreaterThanOrEqual(heldMs);
    // The person's own hook still sees the exit code, and their own PS0 is still shown.
    await rig.seen(id, /own-42-/);
    await rig.seen(id, /\[ps0\]/);
    expect(rig.outputBytes(id).toString()).toContain('hello');
  });

  it('name what runs in the terminal for a while, until it has ended', async () => {
    const id = await openIntegrated("PS1='mine> '");
    await rig.seen(id, /mine> /);
    const program = () => rig.terminals.list().map((one) => one.program);
    await run(id, 'true', 1);
    expect(program()).toEqual([undefined]);
    rig.type(id, 'read -r </dev/tty # waits\r');
    await vi.waitFor(() => expect(program()).toEqual(['read -r </dev/tty # waits']), { timeout: 20_000, interval: 20 });
    await run(id, '', 2);
    expect(program()).toEqual([undefined]);
  });

  it.each([
    [
      'sets PROMPT_COMMAND, PS0 and traps',
      "PROMPT_COMMAND='printf own-; '; PS0='[ps0]'; trap ': debug' DEBUG; trap ': err' ERR; trap ': exit' EXIT; set -T; set -E",
    ],
    [
      'installs its own hooks at the first prompt in the place of all others',
      "PROMPT_COMMAND='PROMPT_COMMAND=later; PS0=[ps0]; shopt -u promptvars'; later() { printf own-; }",
    ],
    ['has a list of prompt commands', "PROMPT_COMMAND=('printf own-' 'PROMPT_COMMAND=(\"printf own-\" true)')"],
    [
      'turns the history off and gives commands other names',
      "HISTSIZE=0; HISTIGNORE='*'; set +o history; shopt -u promptvars; alias builtin=true local=true printf=true; PROMPT_COMMAND='command printf own-'",
    ],
  ])('are recorded with a .bashrc that %s', async (_, bashrc) => {
    const id = await openIntegrated(`PS1='mine> '; ${bashrc}`);
    await rig.seen(id, /own-.*mine> |mine> /);
    await run(id, 'true', 1);
    await run(id, '(exit 3)', 2);
    await rig.seen(id, /own-/);
    expect(commands().map(({ type, data }) => [type, data.text ?? data.exitCode])).toEqual([
      ['command.started', 'true'],
      ['command.finished', 0],
      ['command.started', '(exit 3)'],
      ['command.finished', 3],
    ]);
  });

  it('leave nothing on the screen, under `set -x` neither', async () => {
    const id = await openIntegrated('PS1="$ "');
    await rig.seen(id, /\$ /);
    await run(id, 'set -x', 1);
    // Typed before the prompt it would be echoed before it too.
    await rig.seen(id, /set -x\r\n.*\$ $/s);
    await run(id, 'true', 2);
    await rig.seen(id, /\+ true\r\n.*\$ $/s);
    const screen = new headless.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
    await new Promise<void>((resolve) => screen.write(rig.outputBytes(id), resolve));
    const lines = Array.from({ length: 24 }, (_, y) => screen.buffer.active.getLine(y)?.translateToString(true) ?? '');
    expect(lines.map((line) => line.trimEnd()).filter((line) => line !== '')).toEqual(['$ set -x', '$ true', '+ true', '$']);
    screen.dispose();
  });

  it('that still run when the terminal closes end without an exit code, and forged marks are no commands', async () => {
    const id = await openIntegrated('PS1="$ "');
    await rig.seen(id, /\$ /);
    rig.type(id, "printf '\\e]633;C;0\\a\\e]633;D;0;0\\a'; sleep 1000\r");
    await vi.waitFor(() => expect(commands()).toHaveLength(1), { timeout: 20_000, interval: 20 });
    rig.terminals.close(id);
    await vi.waitFor(() => expect(rig.events().some(({ type }) => type === 'terminal.closed')).toBe(true), {
      timeout: 20_000,
      interval: 20,
    });
    expect(commands().map(({ type, data }) => [type, data.exitCode])).toEqual([
      ['command.started', undefined],
      ['command.finished', null],
    ]);
  });
});
