export { Replay } from './components/Replay.tsx';
export { momentAsked } from './model/places.ts';
