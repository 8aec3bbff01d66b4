import { NotAllowed } from '@/features/shell/components/Refusal.tsx';

export default function Forbidden() {
  return (
    <main>
      <NotAllowed />
    </main>
  );
}
