export { Workspace } from './components/Workspace.tsx';
