import { seekCommand, seekMarker } from '../model/places.ts';
import type { Player } from '../model/player.ts';
import { SPEEDS } from '../model/player.ts';

/** The replay's keys: one list for what they do and for the page that explains them. */
export interface ReplayKey {
  /** As `KeyboardEvent.key` names them; any of them. */
  keys: readonly string[];
  shown: string;
  label: string;
  act: (player: Player, screen: ScreenActs, event: { shiftKey: boolean }) => void;
}

/** What keys do to the page around the player. */
export interface ScreenActs {
  toggleFullScreen(): void;
  toggleHelp(): void;
  search(): void;
}

function changeSpeed(player: Player, by: 1 | -1): void {
  const at = SPEEDS.indexOf(player.store.get().speed) + by;
  const speed = SPEEDS[at];
  if (speed !== undefined) player.setSpeed(speed);
}

export const REPLAY_KEYS: readonly ReplayKey[] = [
  {
    keys: [' ', 'k'],
    shown: 'Space',
    label: 'Play or pause',
    act: (player) => player.toggle(),
  },
  {
    keys: ['ArrowRight'],
    shown: '→',
    label: '5 seconds on; with Shift a minute',
    act: (player, _screen, { shiftKey }) => void player.seek(player.store.get().positionMs + (shiftKey ? 60_000 : 5_000)),
  },
  {
    keys: ['ArrowLeft'],
    shown: '←',
    label: '5 seconds back; with Shift a minute',
    act: (player, _screen, { shiftKey }) => void player.seek(player.store.get().positionMs - (shiftKey ? 60_000 : 5_000)),
  },
  { keys: ['.'], shown: '.', label: 'One event on', act: (player) => void player.step(1) },
  { keys: [','], shown: ',', label: 'One event back', act: (player) => void player.step(-1) },
  { keys: ['n'], shown: 'n', label: 'Next command', act: (player) => seekCommand(player, 1) },
  { keys: ['p'], shown: 'p', label: 'Command before', act: (player) => seekCommand(player, -1) },
  { keys: [']'], shown: ']', label: 'Next marker', act: (player) => seekMarker(player, 1) },
  { keys: ['['], shown: '[', label: 'Marker before', act: (player) => seekMarker(player, -1) },
  { keys: ['+', '='], shown: '+', label: 'Faster', act: (player) => changeSpeed(player, 1) },
  { keys: ['-'], shown: '-', label: 'Slower', act: (player) => changeSpeed(player, -1) },
  {
    keys: ['s'],
    shown: 's',
    label: 'Skip idle time, or show it',
    act: (player) => player.setSkipIdle(!player.store.get().skipIdle),
  },
  { keys: ['Home'], shown: 'Home', label: 'To the beginning', act: (player) => void player.seek(player.index.fromMs) },
  {
    keys: ['End', 'l'],
    shown: 'End',
    label: 'To the end; of a running attempt, follow it live',
    act: (player) => void (player.index.live ? player.follow() : player.seek(player.index.toMs)),
  },
  { keys: ['/'], shown: '/', label: 'Search commands and output', act: (_player, screen) => screen.search() },
  { keys: ['f'], shown: 'f', label: 'Full screen, or back', act: (_player, screen) => screen.toggleFullScreen() },
  { keys: ['?'], shown: '?', label: 'This list', act: (_player, screen) => screen.toggleHelp() },
];
