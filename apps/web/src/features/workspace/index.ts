export { WatchView } from './components/WatchView.tsx';
export { Workspace } from './components/Workspace.tsx';
