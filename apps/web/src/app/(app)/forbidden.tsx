export { NotAllowed as default } from '@/features/shell/components/Refusal.tsx';
