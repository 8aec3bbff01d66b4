import { NothingHere } from '@/features/shell/components/Refusal.tsx';

export default function NotFound() {
  return (
    <main>
      <NothingHere />
    </main>
  );
}
