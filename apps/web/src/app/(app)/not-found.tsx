export { NothingHere as default } from '@/features/shell/components/Refusal.tsx';
