import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumOptions } from '../support/chromium.ts';
import { privateMb } from './processes.ts';

/**
 * A page in a browser of its own, driven by what its memory is measured with and nothing more: Playwright watches the network of each page,
 * for which the page's process keeps what it fetched.
 */
export class BarePage {
  readonly #process: ChildProcess;
  readonly #profileDir: string;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #asked = 0;
  #session = '';

  private constructor(process: ChildProcess, profileDir: string, socket: WebSocket) {
    this.#process = process;
    this.#profileDir = profileDir;
    this.#socket = socket;
    socket.addEventListener('close', () => {
      for (const { reject } of this.#answers.values()) reject(new Error('the browser has ended'));
    });
    socket.addEventListener('message', ({ data }) => {
      const { id, result, error } = JSON.parse(String(data));
      const answer = this.#answers.get(id);
      this.#answers.delete(id);
      if (error === undefined) answer?.resolve(result as never);
      else answer?.reject(new Error(`the browser answered: ${error.message}`));
    });
  }

  /** Opens an address with these cookies, in a window of this size in pixels. */
  static async open(url: string, cookies: readonly object[], { width, height }: { width: number; height: number }): Promise<BarePage> {
    const profileDir = mkdtempSync(join(tmpdir(), 'plumbline-bare-'));
    // Terminals are drawn by elements then, as they are where there is no graphics card: that takes the most.
    const { executablePath = 'chromium', args = [] } = chromiumOptions('--disable-3d-apis');
    const own = ['--headless', '--remote-debugging-port=0', '--no-first-run', `--user-data-dir=${profileDir}`, 'about:blank'];
    const browser = spawn(executablePath, [...args, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      browser.stderr?.on('data', (chunk) => {
        said += chunk;
        const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      });
      browser.on('exit', () => reject(new Error(`the browser ended: ${said}`)));
    });
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the browser cannot be reached')));
    });
    const page = new BarePage(browser, profileDir, socket);
    await page.#send('Storage.setCookies', { cookies });
    const { targetInfos } = await page.#send<{ targetInfos: { type: string; targetId: string }[] }>('Target.getTargets');
    const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
    page.#session = (await page.#send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true })).sessionId;
    await page.#inPage('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await page.#inPage('Page.navigate', { url });
    return page;
  }

  /** What an expression in the page comes to, once it is there. Rejects where the page throws, or the browser has ended. */
  async evaluate<T>(expression: string): Promise<T> {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#inPage<{ result: { value: T }; exceptionDetails?: { text: string } }>(
      'Runtime.evaluate',
      asked,
    );
    if (exceptionDetails !== undefined) throw new Error(`the page answered: ${exceptionDetails.text} (${expression.slice(0, 80)})`);
    return result.value;
  }

  async click(x: number, y: number): Promise<void> {
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased'])
      await this.#inPage('Input.dispatchMouseEvent', { type, x, y, button: type === 'mouseMoved' ? 'none' : 'left', clickCount: 1 });
  }

  /** What the largest of the browser's pages has to itself, MB. */
  async privateMb(): Promise<number> {
    const { processInfo } = await this.#send<{ processInfo: { type: string; id: number }[] }>('SystemInfo.getProcessInfo');
    return Math.max(...processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => privateMb(id)));
  }

  /** Bytes of the page's objects, those that nobody has any more included. */
  async heapBytes(): Promise<number> {
    return (await this.#inPage<{ usedSize: number }>('Runtime.getHeapUsage')).usedSize;
  }

  async close(): Promise<void> {
    this.#socket.close();
    if (this.#process.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill();
      await ended;
    }
    rmSync(this.#profileDir, { recursive: true, force: true });
  }

  #inPage<T>(method: string, params: object = {}): Promise<T> {
    return this.#send(method, params, this.#session);
  }

  #send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise<T>((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    });
  }
}
