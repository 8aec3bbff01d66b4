/** What a browser must bring for an attempt, found out on the machine that it will be made on. */

export interface CheckResult {
  name: string;
  state: 'good' | 'warning' | 'bad';
  detail: string;
}

const LATENCY_PROBES = 5;
const GOOD_LATENCY_MS = 150;
const SOCKET_TIMEOUT_MS = 5_000;
const WIDTH_MIN_PX = 1280;
const HEIGHT_MIN_PX = 720;
/** The gateway's answer to a ticket that it does not know: the socket went all the way through. */
const TICKET_INVALID = 4401;

export function checkBrowser(): CheckResult {
  const missing = [
    ['WebSocket', typeof WebSocket === 'function'],
    ['IndexedDB', typeof indexedDB === 'object'],
    ['Worker', typeof Worker === 'function'],
    ['Crypto', typeof crypto?.subtle === 'object'],
  ].flatMap(([name, there]) => (there ? [] : [String(name)]));
  if (missing.length === 0) return { name: 'Browser', state: 'good', detail: 'Has everything that the workspace needs.' };
  return {
    name: 'Browser',
    state: 'bad',
    detail: `Lacks ${missing.join(', ')}. Use a current Chrome, Edge or Firefox, over https or on this machine.`,
  };
}

export function checkScreen(width: number, height: number): CheckResult {
  const size = `${width} × ${height}`;
  if (width >= WIDTH_MIN_PX && height >= HEIGHT_MIN_PX * 0.85) return { name: 'Window', state: 'good', detail: `${size} pixels.` };
  return {
    name: 'Window',
    state: 'warning',
    detail: `${size} pixels. The workspace is made for ${WIDTH_MIN_PX} × ${HEIGHT_MIN_PX} or more: enlarge the window or zoom out.`,
  };
}

/** Opens a socket on the way that the workspace takes, and measures how long an answer takes. */
export async function checkConnection(): Promise<CheckResult[]> {
  const socket = await probeSocket();
  if (socket === null) {
    return [
      {
        name: 'WebSocket',
        state: 'bad',
        detail:
          'A WebSocket to the platform could not be opened. A proxy, a VPN or an extension may block it: try without them or from another network.',
      },
    ];
  }
  const samples: number[] = [];
  for (let probe = 0; probe < LATENCY_PROBES; probe += 1) {
    const from = performance.now();
    await fetch('/realtime/health', { cache: 'no-store' });
    samples.push(performance.now() - from);
  }
  samples.sort((a, b) => a - b);
  const medianMs = samples[Math.floor(samples.length / 2)] ?? 0;
  return [
    { name: 'WebSocket', state: 'good', detail: `Opened and answered in ${Math.round(socket)} ms.` },
    medianMs <= GOOD_LATENCY_MS
      ? { name: 'Latency', state: 'good', detail: `${Math.round(medianMs)} ms to the platform and back.` }
      : {
          name: 'Latency',
          state: 'warning',
          detail: `${Math.round(medianMs)} ms to the platform and back: typing in a terminal will feel slow. A nearer or wired network helps.`,
        },
  ];
}

function probeSocket(): Promise<number | null> {
  return new Promise((resolve) => {
    const from = performance.now();
    const url = new URL('/realtime/attempt?ticket=check', window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    const timer = setTimeout(() => finish(null), SOCKET_TIMEOUT_MS);
    let opened = false;
    function finish(result: number | null) {
      clearTimeout(timer);
      socket.onopen = null;
      socket.onclose = null;
      socket.close();
      resolve(result);
    }
    socket.onopen = () => {
      opened = true;
    };
    socket.onclose = (event) => finish(opened || event.code === TICKET_INVALID ? performance.now() - from : null);
  });
}
