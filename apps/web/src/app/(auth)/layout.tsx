import type { ReactNode } from 'react';
import { Logo } from '@/features/shell/components/Logo.tsx';

export default function AuthLayout({ children }: { children: ReactNode }) {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-6 px-4 py-12">
      <div className="flex flex-col items-center gap-2 text-center">
        <Logo className="size-10 text-accent" />
        <p className="text-lg font-semibold tracking-tight">Plumbline</p>
      </div>
      <div className="w-full max-w-sm">{children}</div>
    </main>
  );
}
