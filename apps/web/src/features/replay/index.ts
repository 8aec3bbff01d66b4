export { Replay } from './components/Replay.tsx';
